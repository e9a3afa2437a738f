-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- The truth when webhooks do not come (BE-09): events taken from the carrier's records, when which call was asked
-- about, and jobs that one node at a time does. Only additions: the program of the version before goes on beside it.

-- Taken from the carrier's records, or made from what it says of its legs: the bytes are not those of the webhook, which
-- may still come and is then a repeat.
alter table webhook_events add column recorded boolean not null default false;

-- When a live call was last asked about at the carrier.
create table call_questions (
    call_id  uuid primary key references calls on delete cascade,
    asked_at timestamptz not null
);
create index call_questions_asked on call_questions (asked_at);

-- Live calls are few among all that ever were.
create index calls_live on calls (call_id) where phase <> 'ended';

-- What one node at a time does every so often; the clock is the database's.
create table reconcile_turns (
    name       text primary key check (name <> ''),
    holder     text not null,
    held_until timestamptz not null,
    began_at   timestamptz not null,
    position   timestamptz
);

-- The carrier lets no call last longer than four hours. What is older than that and some minutes has lost its end, and
-- must not keep a device's identity from being retired, nor an expired token in use.
create or replace function z360_device_busy(device bigint) returns boolean language sql stable security definer
    set search_path from current as
    $$ select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and c.phase <> 'ended'
                         and c.began_at > clock_timestamp() - interval '4 hours 5 minutes') $$;
