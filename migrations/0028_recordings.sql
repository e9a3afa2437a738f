-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What the carrier has recorded, one row each, and our own copy of it. Only additions: the program of the version
-- before records as it did, and copies nothing.

create table recordings (
    recording_id  uuid primary key default gen_random_uuid(),
    call_id       uuid not null,
    org_id        bigint not null,
    user_id       bigint references users, -- whose call it is; whose message, if it is one
    carrier_id    text not null check (length(carrier_id) <= 1000),
    purpose       text not null check (purpose in ('talk', 'message')),
    format        text check (format in ('mp3', 'wav')),
    carrier_url   text check (carrier_url <> ''), -- for minutes only
    began_at      timestamptz,
    ended_at      timestamptz,
    created_at    timestamptz not null default date_trunc('milliseconds', clock_timestamp()), -- as cursors have it
    status        text not null default 'waiting' check (status in ('waiting', 'kept', 'lost', 'removing', 'removed')),
    -- When somebody is to look at it; null: there is nothing to do. Taking it moves this forward, so that another
    -- node takes over from one that died.
    due_at        timestamptz default clock_timestamp(),
    claim         int not null default 0, -- counts who took it: an answer of an earlier one changes nothing
    attempts      int not null default 0,
    error         text,
    notified      boolean not null default false, -- of a message: its person was told, or there was nobody to tell
    -- Our copy.
    vault         text check (vault in ('folder', 's3')),
    vault_key     text check (vault_key <> ''),
    bytes         bigint check (bytes > 0),
    sha256        text check (sha256 ~ '^[0-9a-f]{64}$'),
    kept_at       timestamptz,
    at_carrier    boolean not null default true, -- false: the carrier's is gone
    heard_at      timestamptz, -- of a message: its person has listened to it
    removed_at    timestamptz,
    constraint recordings_once_each unique (call_id, carrier_id),
    constraint recordings_of_their_call foreign key (call_id, org_id) references calls (call_id, org_id),
    constraint recordings_kept_are_somewhere
        check (status <> 'kept' or (vault is not null and vault_key is not null and bytes is not null
               and sha256 is not null and kept_at is not null))
);
create index recordings_due on recordings (due_at) where due_at is not null;
-- Rows of what was removed stay as long as their calls: nobody who looks for what is there reads them each time.
create index recordings_of_person on recordings (user_id, created_at desc, recording_id)
    where purpose = 'message' and status not in ('removing', 'removed');
create index recordings_aging on recordings (org_id, created_at) where status in ('waiting', 'kept', 'lost');
create index recordings_resting on recordings (created_at) where status = 'waiting' and due_at is null;

-- Calls that ought to have been recorded, and of which the carrier has told no recording: it is asked. Owner's alone.
create table recording_searches (
    call_id    uuid primary key references calls,
    tries      int not null default 0,
    due_at     timestamptz default clock_timestamp(), -- null: over
    outcome    text check (outcome in ('found', 'missing')),
    created_at timestamptz not null default clock_timestamp()
);
create index recording_searches_due on recording_searches (due_at) where due_at is not null;

-- How long recordings are kept, and voicemail beside its words; null: the server's default.
alter table org_settings
    add column recording_days int check (recording_days between 1 and 3650),
    add column voicemail boolean,
    add column voicemail_greeting_url text check (voicemail_greeting_url = '' or voicemail_greeting_url ~ '^https?://'),
    add column voicemail_beep boolean,
    add column unavailable_message text check (length(unavailable_message) between 1 and 3000);

-- What a number, or a person, says otherwise than its organisation (BE-26). A number's goes before a person's; null:
-- as there.
create table voicemail_settings (
    org_id              bigint not null references organizations,
    phone_number_id     bigint,
    user_id             bigint,
    voicemail           boolean,
    max_secs            int check (max_secs between 5 and 600),
    greeting            text check (length(greeting) between 1 and 3000),
    greeting_url        text check (greeting_url = '' or greeting_url ~ '^https?://'),
    closed_greeting     text check (length(closed_greeting) between 1 and 3000),
    unavailable_message text check (length(unavailable_message) between 1 and 3000),
    voice               text check (voice <> ''),
    beep                boolean,
    updated_at          timestamptz not null default now(),
    constraint voicemail_settings_of_one check ((phone_number_id is null) <> (user_id is null)),
    constraint voicemail_settings_of_a_number foreign key (org_id, phone_number_id)
        references phone_numbers (org_id, phone_number_id) on delete cascade,
    constraint voicemail_settings_of_a_member foreign key (org_id, user_id)
        references memberships (org_id, user_id) on delete cascade
);
create unique index voicemail_settings_by_number on voicemail_settings (phone_number_id) where phone_number_id is not null;
create unique index voicemail_settings_by_person on voicemail_settings (org_id, user_id) where user_id is not null;
alter table voicemail_settings enable row level security;
create policy voicemail_settings_visible on voicemail_settings for select to z360_tenant using (z360_sees_org(org_id));
create policy voicemail_settings_write on voicemail_settings for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy voicemail_settings_bound on voicemail_settings as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert, update, delete on voicemail_settings to z360_tenant;

alter table recordings enable row level security;
-- A person's are the messages that were left for them; an organisation's are all of its calls.
create policy recordings_visible on recordings for select to z360_tenant
    using (org_id = z360_org() or (purpose = 'message' and user_id = z360_user() and z360_sees_org(org_id)));
create policy recordings_write on recordings for update to z360_tenant
    using (org_id = z360_org() or (purpose = 'message' and user_id = z360_user() and z360_sees_org(org_id)))
    with check (org_id = z360_org() or (purpose = 'message' and user_id = z360_user() and z360_sees_org(org_id)));
create policy recordings_bound on recordings as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, update (heard_at, status, due_at, attempts, error) on recordings to z360_tenant;
