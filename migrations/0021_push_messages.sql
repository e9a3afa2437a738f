-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Pushes that belong to no call: notifications of the web product, and what a phone is told about itself. Only additions:
-- the program of the version before knows nothing of them and leaves them alone.

-- What the web product has asked for, and what it was answered: a repeat under the same key gets the same answer.
create table push_requests (
    org_id      bigint not null references organizations on delete cascade,
    key         text not null check (key <> '' and length(key) <= 128),
    fingerprint text not null check (length(fingerprint) = 64), -- of what was asked; not the text itself
    answer      jsonb not null default '[]' check (jsonb_typeof(answer) = 'array'), -- devices and reasons, no text
    created_at  timestamptz not null default statement_timestamp(),
    primary key (org_id, key)
);
create index push_requests_age on push_requests (created_at);

-- One row for each message and device. `content` is what people read: it stays here as long as it is needed to send it and
-- goes with the row's end, so that what customers write is kept in one place less. It is not encrypted: contacts and calls
-- hold as much, and a key would be opened on every node for each message of its few seconds.
create table push_messages (
    message_id uuid primary key default gen_random_uuid(),
    org_id     bigint not null references organizations on delete cascade,
    device_id  bigint not null references devices on delete cascade,
    kind       text not null check (kind <> ''),
    lane       text not null check (lane in ('message', 'sync')),
    key        text not null check (key <> '' and length(key) <= 160), -- says that it is the same one again
    content    jsonb check (octet_length(content::text) <= 32768),
    created_at timestamptz not null default statement_timestamp(),
    until      timestamptz not null, -- worth nothing from then on
    due_at     timestamptz not null default statement_timestamp(), -- of what is claimed: when the claim ends
    claim      int not null default 0 check (claim >= 0), -- counts its claims, and fences late words about old ones
    in_doubt   boolean not null default false, -- a request of an earlier claim may have reached the phone
    settled_at timestamptz,
    outcome    text not null default '',
    code       text not null default '',
    constraint push_messages_once unique (org_id, key, device_id),
    constraint push_messages_end check ((settled_at is null) = (outcome = '')),
    constraint push_messages_end_has_no_text check (settled_at is null or content is null)
);
create index push_messages_due on push_messages (lane, org_id, due_at) where settled_at is null;
create index push_messages_waiting on push_messages (org_id) where settled_at is null;
create index push_messages_device on push_messages (device_id);
create index push_messages_age on push_messages ((coalesce(settled_at, until))); -- what retention removes

-- The second line of tenant isolation: no tenant reads or writes them.
alter table push_requests enable row level security;
alter table push_messages enable row level security;

-- One organisation in which the device may be told something about itself: the one that it is bound to, else the first of
-- its person's that it has not been taken away from. Null: none.
create function z360_push_org(which bigint) returns bigint language sql stable as $$
    select min(m.org_id) from devices d
      join memberships m on m.user_id = d.user_id and (d.bound_org_id is null or m.org_id = d.bound_org_id)
      join organizations o on o.org_id = m.org_id and o.status = 'active'
      join users u on u.user_id = d.user_id and u.status = 'active'
     where d.device_id = which and d.status = 'active'
       and not exists (select from device_exclusions x where x.device_id = d.device_id and x.org_id = m.org_id)
$$;
