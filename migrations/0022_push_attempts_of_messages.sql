-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Attempts at pushes that belong to no call stand beside those of calls. An organisation sees its own. Checked and indexed
-- beside the traffic, and in a file of its own: nothing else is locked while all attempts are looked through. The program of
-- the version before writes attempts of calls alone.
-- migrate: outside a transaction

alter table push_attempts
    alter column call_id drop not null,
    add column if not exists message_id uuid;
alter table push_attempts
    drop constraint if exists push_attempts_are_of_something,
    add constraint push_attempts_are_of_something check (call_id is not null or message_id is not null) not valid;
alter table push_attempts validate constraint push_attempts_are_of_something;

-- Whatever an attempt that was cut off has left.
drop index concurrently if exists push_attempts_message;
create index concurrently push_attempts_message on push_attempts (message_id) where message_id is not null;

drop policy if exists push_attempts_of_messages on push_attempts;
create policy push_attempts_of_messages on push_attempts for select to z360_tenant
    using (call_id is null and org_id = z360_org());
