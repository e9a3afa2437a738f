-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- When a queued push was last put off or claimed, by the database's clock: one that lies ahead says that the clock was set
-- back since, and that its due_at means another time than was meant. And what nobody has sent when it was worth nothing any
-- more is found without reading the rest. Only additions: the program of the version before leaves the stamp as it is.
-- migrate: outside a transaction

alter table push_messages add column if not exists stamped_at timestamptz not null default statement_timestamp();

-- Whatever an attempt that was cut off has left.
drop index concurrently if exists push_messages_stamped;
create index concurrently push_messages_stamped on push_messages (stamped_at) where settled_at is null;
drop index concurrently if exists push_messages_unsettled;
create index concurrently push_messages_unsettled on push_messages (until) where settled_at is null;
