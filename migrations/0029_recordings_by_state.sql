-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Rows of what was removed stay as long as their calls: nobody who looks for what is there reads them each time.
-- migrate: outside a transaction

drop index concurrently if exists recordings_aging;
create index concurrently recordings_aging on recordings (org_id, created_at) where status in ('waiting', 'kept', 'lost');
drop index concurrently if exists recordings_by_org;
drop index concurrently if exists recordings_resting;
create index concurrently recordings_resting on recordings (created_at) where status = 'waiting' and due_at is null;
drop index concurrently if exists recordings_of_person;
create index concurrently recordings_of_person on recordings (user_id, created_at desc, recording_id)
    where purpose = 'message' and status not in ('removing', 'removed');
drop index concurrently if exists recordings_messages;
