-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Effects are claimed oldest first, of the channels that a node can carry out: what waits for another kind of node is
-- passed over without a look at its row. Built beside the traffic. The program of the version before goes on working: it
-- needs no index by name.
-- migrate: outside a transaction

-- Whatever an attempt that was cut off has left.
drop index concurrently if exists commands_due;
create index concurrently commands_due on commands (claimed_until, channel) where status = 'pending';
-- It does all that this one did.
drop index concurrently if exists commands_pending;
