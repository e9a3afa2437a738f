-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Rows of a call name its organisation, too, and that both belong together is checked for each of them. The check found
-- the call by the index of the organisation's calls, made as it was while the table was still empty, and read all of them
-- each time. An index with a condition is not for checks; who lists an organisation's calls from a time on still has it.
-- migrate: outside a transaction

drop index concurrently if exists calls_of_organisation;
create index concurrently calls_of_organisation on calls (org_id, began_at) where began_at is not null;
drop index concurrently if exists calls_org_began;
