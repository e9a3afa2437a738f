-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Push tokens: when each was registered, whether its provider has called it dead, which of APNs's services knows it;
-- and what became of each push. Only additions: the program of the version before registers tokens as it did, and the
-- trigger below keeps the new columns right for it too.

-- ---- tokens

-- An installation's id at Firebase is another form of its token.
alter table devices drop constraint devices_push_token_kind_check;
alter table devices add constraint devices_push_token_kind_check
    check (push_token_kind in ('fcm', 'fcm_fid', 'apns')) not valid;
alter table devices validate constraint devices_push_token_kind_check;

alter table devices
    add column push_registered_at timestamptz, -- null: before this migration, see push_updated_at
    add column voip_registered_at timestamptz,
    add column push_invalid_at    timestamptz, -- the provider said that it is dead
    add column voip_invalid_at    timestamptz,
    add column push_invalid_reason text not null default '',
    add column voip_invalid_reason text not null default '',
    -- Where APNs has accepted a push for it; apns_env is what the app says.
    add column push_env_proven    text not null default '' check (push_env_proven in ('', 'production', 'sandbox')),
    add column voip_env_proven    text not null default '' check (voip_env_proven in ('', 'production', 'sandbox'));

-- A token that is registered lives, whatever was said of it before; what was learned of another one says nothing about
-- it. New keys for the same secrets (--rekey) are no registration.
create function z360_push_token_registered() returns trigger language plpgsql as $$
declare
    registered constant boolean := new.push_updated_at is distinct from old.push_updated_at;
begin
    if new.push_token is distinct from old.push_token
       and (registered or new.push_key_id is not distinct from old.push_key_id or new.push_token is null) then
        new.push_registered_at := case when new.push_token is not null then new.push_updated_at end;
        new.push_invalid_at := null;
        new.push_invalid_reason := '';
        if new.push_token_hash is distinct from old.push_token_hash then new.push_env_proven := ''; end if;
    end if;
    if new.voip_token is distinct from old.voip_token
       and (registered or new.voip_key_id is not distinct from old.voip_key_id or new.voip_token is null) then
        new.voip_registered_at := case when new.voip_token is not null then new.push_updated_at end;
        new.voip_invalid_at := null;
        new.voip_invalid_reason := '';
        if new.voip_token_hash is distinct from old.voip_token_hash then new.voip_env_proven := ''; end if;
    end if;
    return new;
end $$;
create trigger devices_push_token_registered before update of push_token, voip_token on devices
    for each row execute function z360_push_token_registered();

-- ---- what became of pushes

-- One row for each request to a provider. No foreign keys: they are written behind the calls' backs, and the program of
-- the version before removes old calls without them.
create table push_attempts (
    attempt_id  uuid primary key,
    call_id     uuid not null,
    org_id      bigint not null,
    device_id   bigint not null,
    kind        text not null check (kind <> ''),
    ring        int not null,
    round       int not null,
    attempt     int not null check (attempt > 0),
    provider    text not null check (provider in ('apns', 'fcm')),
    token_kind  text not null check (token_kind <> ''),
    environment text not null default '',
    lane        text not null check (lane <> ''),
    push_id     text not null default '',
    queued_at   timestamptz not null,
    sent_at     timestamptz not null,
    answered_at timestamptz,
    status      int not null default 0,
    reason      text not null default '',
    outcome     text not null check (outcome <> '')
);
create index push_attempts_call on push_attempts (call_id);
create index push_attempts_device on push_attempts (device_id, queued_at);
create index push_attempts_age on push_attempts (queued_at); -- what retention removes, oldest first

-- The second line of tenant isolation, as for the rows of calls.
alter table push_attempts enable row level security;
create policy push_attempts_visible on push_attempts for select to z360_tenant
    using (exists (select from calls c where c.call_id = push_attempts.call_id offset 0));
grant select on push_attempts to z360_tenant;
