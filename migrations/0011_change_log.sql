-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Changes of all calls in the order of their transactions, for who shows calls to people (0002 keeps the column, by a
-- trigger, whichever program writes). Built beside the traffic. The program of the version before goes on working.
-- migrate: outside a transaction

-- Whatever an attempt that was cut off has left.
drop index concurrently if exists calls_all_changed;
create index concurrently calls_all_changed on calls (changed);
