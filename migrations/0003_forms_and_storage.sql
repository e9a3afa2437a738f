-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Forms of stored calls, the time an event waits since it was stored, and events that were buried only for want of
-- their call. Only additions with defaults: the program of the version before goes on working beside it.

-- In the order in which a commit takes them, so that neither waits for the other in a circle.
lock table calls, commands, webhook_events in access exclusive mode;

-- Which form the snapshot, or the command's payload, was written in. Nodes leave alone what is newer than they know.
alter table calls add column form int not null default 1;
alter table commands add column form int not null default 1;

-- When it came in here, by this clock; `received_at` is a node's clock and counts the time in a spool. Old rows begin
-- to wait now: their time in a spool is unknown.
alter table webhook_events add column stored_at timestamptz not null default now();
alter table webhook_events alter column stored_at set default clock_timestamp();

-- Buried because nobody knew its call: who begins that call takes it up again.
alter table webhook_events add column orphaned boolean not null default false;
