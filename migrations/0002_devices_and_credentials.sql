-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Devices with their push tokens and SIP identities, bearer tokens, and row-level security as the second line of
-- tenant isolation (I5). Only additions: the program of the version before goes on working beside it.

-- ---- the role under which requests of one tenant run

-- Requests of devices and of organisation-bound tokens run as this role (set_config('role', …, true) inside their
-- transaction), so that row-level security applies even when the server logs in as owner or superuser. Roles belong
-- to the whole cluster; several databases share it.
do $$
begin
    if not exists (select from pg_roles where rolname = 'z360_tenant') then
        create role z360_tenant nologin noinherit;
    end if;
exception
    when duplicate_object or unique_violation then null; -- another database's migration was faster
    when insufficient_privilege then
        raise exception 'this login may not create roles; as a superuser run: create role z360_tenant nologin; grant z360_tenant to %', current_user;
end $$;
do $$
begin
    if not pg_has_role(current_user, 'z360_tenant', 'member') then
        execute format('grant z360_tenant to %I', current_user);
    end if;
end $$;

-- Who asks: set with the role; 0 means none.
create function z360_user() returns bigint language sql stable as
    $$ select coalesce(nullif(current_setting('z360.user_id', true), ''), '0')::bigint $$;
create function z360_org() returns bigint language sql stable as
    $$ select coalesce(nullif(current_setting('z360.org_id', true), ''), '0')::bigint $$;

-- ---- tenants and people: what an existing product synchronises

alter table organizations add column status text not null default 'active' check (status in ('active', 'suspended'));
alter table organizations add column updated_at timestamptz not null default now();
alter table users add column status text not null default 'active' check (status in ('active', 'suspended'));
alter table users add column updated_at timestamptz not null default now();
alter table contacts add column avatar_url text not null default '' check (avatar_url = '' or avatar_url ~ '^https://');
alter table phone_numbers add column is_default_caller_id boolean not null default false;
create unique index phone_numbers_one_default_per_org on phone_numbers (org_id) where is_default_caller_id;

-- ---- devices

alter table devices drop constraint devices_status_check;
alter table devices drop constraint devices_check; -- one key id for both tokens; each has its own now
alter table devices add constraint devices_status_check check (status in ('active', 'suspended', 'removed'));
alter table devices
    add column status_reason   text not null default '',
    add column app_version     text not null default '',
    add column sdk_version     text not null default '',
    add column os_version      text not null default '',
    add column bundle_id       text not null default '',
    add column apns_env        text not null default '' check (apns_env in ('', 'production', 'sandbox')),
    add column capabilities    jsonb not null default '{}' check (jsonb_typeof(capabilities) = 'object'),
    -- A web view inside a native app: the app takes the calls, the web view gets no identity (IOS-01).
    add column embedded_webview boolean not null default false,
    add column native_device_id bigint references devices on delete set null,
    -- The native device's own id as the web view named it, until that device registers.
    add column native_device_uid text not null default '',
    add column public_key      bytea check (octet_length(public_key) = 32), -- X25519; secrets are sealed to it
    -- An identity is made for it. False: business pushes only (the old /device-tokens route).
    add column wants_identity  boolean not null default true,
    -- Keyed hashes: which device holds a token, without the token. Never two devices (B13, B14).
    add column push_token_hash bytea,
    add column voip_token_hash bytea,
    add column push_token_kind text not null default 'fcm' check (push_token_kind in ('fcm', 'apns')),
    add column voip_key_id     text, -- of voip_token: the two arrive at different times, perhaps under different keys
    add column push_issued_at  timestamptz, -- the client's own time of the token: the newest wins (MOB-02)
    add column voip_issued_at  timestamptz,
    add column push_updated_at timestamptz,
    -- Counts the identities made for it, also those whose rows are gone: a version never comes twice (MOB-12).
    add column credential_version int not null default 0 check (credential_version >= 0),
    -- One node at a time works on its identities; the clock is the database's.
    add column work_claimed_until timestamptz,
    add column registered_at   timestamptz not null default now(),
    add column removed_at      timestamptz,
    add constraint devices_removed_has_time check ((status = 'removed') = (removed_at is not null)),
    add constraint devices_push_token_has_key check ((push_token is null) = (push_key_id is null)),
    add constraint devices_voip_token_has_key check ((voip_token is null) = (voip_key_id is null)),
    add constraint devices_push_hash_with_token check (push_token is not null or push_token_hash is null),
    add constraint devices_voip_hash_with_token check (voip_token is not null or voip_token_hash is null),
    add constraint devices_not_its_own_native check (native_device_id <> device_id);
create unique index devices_push_token on devices (push_token_hash) where push_token_hash is not null;
create unique index devices_voip_token on devices (voip_token_hash) where voip_token_hash is not null;
create index devices_native on devices (native_device_id) where native_device_id is not null;
create index devices_silent on devices (last_seen_at) where status = 'active';
create index devices_uid on devices (device_uid);

-- The rows that the old API counts by (user, organisation, device); each names the one device (CRED-05, D7).
create table device_registrations (
    registration_id bigint generated by default as identity primary key,
    device_id       bigint not null references devices on delete cascade,
    org_id          bigint not null references organizations,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    constraint device_registrations_one_per_org unique (device_id, org_id)
);
create index device_registrations_org on device_registrations (org_id);

-- ---- SIP identities: the row exists before Telnyx knows it, and names it there (BE-13, I4)

alter table sip_identities drop constraint sip_identities_usable_has_name;
-- A 'stranger' was found at Telnyx under our name and belongs to nobody: it is recorded to be deleted there.
alter table sip_identities drop constraint sip_identities_kind_check;
alter table sip_identities add constraint sip_identities_kind_check
    check (kind in ('device', 'organization', 'stranger'));
alter table sip_identities drop constraint sip_identities_kind_has_its_owner;
alter table sip_identities add constraint sip_identities_kind_has_its_owner
    check (case kind when 'device' then device_id is not null and org_id is null
                     when 'organization' then device_id is null and org_id is not null
                     else device_id is null and org_id is null end);
alter table sip_identities
    -- Part of its name at Telnyx: z360-<environment>-<key>.
    add column key             uuid not null default gen_random_uuid() unique,
    add column version         int not null default 1 check (version > 0), -- counts a device's identities
    -- Ciphertext; the key id says with which key. Never the password itself (SEC-02).
    add column sip_password    bytea,
    add column password_key_id text,
    add column connection_id   text not null default '',
    -- The cached login token (JWT), encrypted as well.
    add column jwt             bytea,
    add column jwt_key_id      text,
    add column jwt_minted_at   timestamptz,
    add column jwt_expires_at  timestamptz,
    add column jwt_claimed_until timestamptz, -- one node at a time asks Telnyx for a token
    add column activated_at    timestamptz,
    add column disclosed_at    timestamptz, -- the password has left in a reply (SEC-03)
    add column delivered_at    timestamptz, -- its name has reached the device
    add column proved_at       timestamptz, -- the device was seen to use it
    add column superseded_at   timestamptz, -- it is the old one of a rotation since
    add column retired_at      timestamptz,
    add column retire_reason   text not null default '',
    -- A create request may have reached Telnyx: look it up by name before asking again (BE-13).
    add column asked_at        timestamptz,
    add column last_checked_at timestamptz, -- seen in Telnyx's list
    add column failures        int not null default 0 check (failures >= 0),
    add column last_error      text not null default '',
    add column retry_at        timestamptz,
    add column claimed_until   timestamptz, -- of rows without a device; else the device is claimed
    add constraint sip_identities_usable_has_name
        check (state in ('pending', 'retiring', 'dead') or (sip_username is not null and telnyx_credential_id is not null)),
    add constraint sip_identities_password_has_key check ((sip_password is null) = (password_key_id is null)),
    add constraint sip_identities_jwt_has_key check ((jwt is null) = (jwt_key_id is null)),
    add constraint sip_identities_dead_holds_no_secret check (state <> 'dead' or (sip_password is null and jwt is null));
-- One being made at a time; with the unique index on active rows: at most one current and one coming identity.
create unique index sip_identities_one_pending_per_device on sip_identities (device_id) where state = 'pending';
create unique index sip_identities_one_rotating_per_device on sip_identities (device_id) where state = 'rotating';
create index sip_identities_work on sip_identities (coalesce(retry_at, created_at))
    where state in ('pending', 'retiring');
create index sip_identities_ownerless_work on sip_identities (coalesce(retry_at, created_at))
    where state = 'retiring' and device_id is null;
create index sip_identities_expiry on sip_identities (expires_at) where state in ('active', 'rotating');
create index sip_identities_overlap on sip_identities (superseded_at) where state = 'rotating';
-- Something has happened to a usable one, e.g. its device was removed during a call: look at it from then on.
create index sip_identities_nudged on sip_identities (retry_at)
    where state in ('active', 'rotating') and retry_at is not null;
-- What the hourly purge looks for: without these it reads every row that history keeps.
create index sip_identities_purge on sip_identities (coalesce(retired_at, created_at)) where state = 'dead';
create index devices_purge on devices (removed_at) where status = 'removed';

-- A row that may own a credential at Telnyx cannot be deleted, by whatever path (BE-05).
create function z360_refuse_live_identity() returns trigger language plpgsql as $$
begin
    if old.state <> 'dead' then
        raise exception using errcode = 'restrict_violation', constraint = 'sip_identities_retire_before_delete',
            message = format('identity %s is %s: set it to retiring and let it die at the carrier first',
                             old.identity_id, old.state);
    end if;
    return old;
end $$;
create trigger sip_identities_retire_before_delete before delete on sip_identities
    for each row execute function z360_refuse_live_identity();

-- ---- bearer tokens: keyed hashes only

create table api_tokens (
    token_id    bigint generated by default as identity primary key,
    kind        text not null check (kind in ('device', 'service', 'admin', 'enrolment', 'handoff')),
    hash        bytea not null unique check (octet_length(hash) = 32),
    hash_key_id text not null,
    name        text not null default '',
    scopes      text[] not null default '{}',
    -- Null: every organisation (service and admin tokens only).
    org_id      bigint references organizations,
    user_id     bigint references users,
    device_id   bigint references devices on delete cascade,
    created_at  timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at  timestamptz not null,      -- slides with use
    ends_at     timestamptz not null,      -- does not
    used_at     timestamptz,               -- of one-time kinds
    revoked_at  timestamptz,
    revoke_reason text not null default '',
    constraint api_tokens_device_has_device check ((kind = 'device') = (device_id is not null)),
    constraint api_tokens_person_has_user check (kind not in ('device', 'enrolment', 'handoff') or user_id is not null),
    constraint api_tokens_end_last check (expires_at <= ends_at)
);
create index api_tokens_device on api_tokens (device_id) where revoked_at is null;
create index api_tokens_user on api_tokens (user_id) where revoked_at is null;
create index api_tokens_end on api_tokens (ends_at);

-- Sign in with Apple: the subject is the person (IOS-04).
create table apple_links (
    subject    text primary key check (subject <> ''),
    user_id    bigint not null references users,
    email      text not null default '',
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index apple_links_user on apple_links (user_id);

-- Who did what with secrets and devices. Append only, no secrets.
create table audit_events (
    seq       bigint generated always as identity primary key,
    at        timestamptz not null default now(),
    actor     text not null, -- device, service, admin, cookie, cli, worker
    token_id  bigint,
    user_id   bigint,
    org_id    bigint,
    device_id bigint,
    action    text not null check (action <> ''),
    detail    text not null default '',
    remote_address text not null default ''
);
create index audit_events_device on audit_events (device_id, seq);
create index audit_events_at on audit_events using brin (at);

-- Rows of the old system that --import has taken: doing it again never brings back what was retired since.
create table imported_rows (
    source      text not null check (source in ('user_device_tokens', 'user_telnyx_telephony_credentials')),
    old_id      bigint not null,
    imported_at timestamptz not null default now(),
    primary key (source, old_id)
);

-- One node at a time does a job; the clock is the database's.
create table leases (
    name       text primary key,
    holder     text not null,
    held_until timestamptz not null,
    fence      bigint not null default 1
);

-- ---- what clients ask about calls

-- Position of a call's newest change in the order of commits: readers take what is below every transaction still
-- under way, so that nothing is missed (STATE-03).
alter table calls add column changed xid8 not null default pg_current_xact_id();
create function z360_mark_change() returns trigger language plpgsql as $$
begin
    new.changed := pg_current_xact_id();
    return new;
end $$;
create trigger calls_changed before update on calls for each row execute function z360_mark_change();
create index calls_user_changed on calls (user_id, changed);
-- As wide as the next one: on a young table the planner would else take that one and read every call ever made.
create index calls_user_live on calls (user_id, began_at desc, call_id) where phase <> 'ended';
-- The newest calls of a person are read at every start of an app: not all of them, to be sorted.
create index calls_user_began on calls (user_id, began_at desc, call_id);

-- A device whose identity may be retired has no live leg. Legs of calls that are over count as dead.
create index call_legs_device_live on call_legs (device_id) where not ended;
-- Deleting a device or an identity looks for legs that name it.
create index call_legs_identity on call_legs (device_id, identity_id);

-- With its owner's rights: a call of an organisation that the person has just left is still a call.
create function z360_device_busy(device bigint) returns boolean language sql stable security definer
    set search_path from current as
    $$ select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and c.phase <> 'ended') $$;

-- A second leg to one device exists while its identity is being replaced (CRED-01): it is dialed on both names.
-- (call_legs.attempt tells them apart.)

-- ---- who may not be rung any more is not rung any more, also in the middle of a ring (B28)

alter table webhook_events drop constraint webhook_events_route_check,
    add constraint webhook_events_route_check
        check (route in ('call_control', 'call_control_failover', 'credential', 'credential_failover', 'own'));
alter table call_legs drop constraint call_legs_release_reason_check,
    add constraint call_legs_release_reason_check
        check (release_reason in ('answered_elsewhere', 'caller_gone', 'ring_timeout', 'bridge_failed', 'call_over',
                                  'device_removed'));

-- Puts an event for each of these calls that still rings into the inbox: it is durable with the change that causes
-- it, and whichever node holds the call takes it up. No device: all of them.
create function z360_withdraw_rings(which_calls uuid[], which_device bigint) returns void
    language sql set search_path from current as $$
    insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, claimed_until)
    select 'withdrawn-' || gen_random_uuid(), 'own.ring_withdrawn', 'own', c.call_session_id, clock_timestamp(),
           convert_to(jsonb_build_object('call_session_id', c.call_session_id,
                                         'devices', jsonb_agg(distinct l.device_id))::text, 'UTF8'),
           clock_timestamp()
      from calls c join call_legs l using (call_id)
     where c.call_id = any(which_calls) and c.phase in ('ringing', 'answering', 'bridging') and not l.ended
       and (which_device is null or l.device_id = which_device)
     group by c.call_session_id $$;
revoke execute on function z360_withdraw_rings from public;

create function z360_device_stopped() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select call_id from call_legs where device_id = new.device_id and not ended),
                                new.device_id);
    return null;
end $$;
create trigger devices_not_rung after update of status on devices
    for each row when (old.status = 'active' and new.status <> 'active') execute function z360_device_stopped();

create function z360_member_left() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select call_id from calls where user_id = old.user_id and org_id = old.org_id
                                                                  and phase <> 'ended'), null);
    return null;
end $$;
create trigger memberships_not_rung after delete on memberships
    for each row execute function z360_member_left();

create function z360_organisation_stopped() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select c.call_id from memberships m join calls c on c.user_id = m.user_id
                                       where m.org_id = new.org_id and c.org_id = new.org_id
                                         and c.phase <> 'ended'), null);
    return null;
end $$;
create trigger organizations_not_rung after update of status on organizations
    for each row when (old.status = 'active' and new.status <> 'active')
    execute function z360_organisation_stopped();

-- ---- row-level security: for the role above; the owner's own work (engine, workers, operators) is not touched

alter table organizations enable row level security;
alter table users enable row level security;
alter table memberships enable row level security;
alter table org_settings enable row level security;
alter table phone_numbers enable row level security;
alter table contacts enable row level security;
alter table devices enable row level security;
alter table device_registrations enable row level security;
alter table sip_identities enable row level security;
alter table api_tokens enable row level security;
alter table apple_links enable row level security;
alter table audit_events enable row level security;
alter table calls enable row level security;
alter table call_legs enable row level security;
alter table call_events enable row level security;

-- A person sees their memberships; an organisation's token sees the organisation's.
create policy memberships_visible on memberships for select to z360_tenant
    using (user_id = z360_user() or org_id = z360_org());
create policy memberships_write on memberships for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());

create function z360_sees_org(org bigint) returns boolean language sql stable as
    $$ select org = z360_org() or exists (select from memberships m where m.org_id = org and m.user_id = z360_user()) $$;
create function z360_sees_user(who bigint) returns boolean language sql stable as
    $$ select who = z360_user() or exists (select from memberships m where m.org_id = z360_org() and m.user_id = who) $$;

create policy organizations_visible on organizations for select to z360_tenant using (z360_sees_org(org_id));
create policy organizations_write on organizations for update to z360_tenant using (org_id = z360_org());
create policy users_visible on users for select to z360_tenant using (z360_sees_user(user_id));
create policy org_settings_visible on org_settings for select to z360_tenant using (z360_sees_org(org_id));
create policy org_settings_write on org_settings for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy phone_numbers_visible on phone_numbers for select to z360_tenant using (z360_sees_org(org_id));
create policy phone_numbers_write on phone_numbers for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy contacts_visible on contacts for select to z360_tenant using (z360_sees_org(org_id));
create policy contacts_write on contacts for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());

-- A device is its person's; an organisation's token may look at and act on its members' devices.
create policy devices_own on devices for all to z360_tenant
    using (z360_sees_user(user_id)) with check (z360_sees_user(user_id));
create policy device_registrations_own on device_registrations for all to z360_tenant
    using (exists (select from devices d where d.device_id = device_registrations.device_id) and z360_sees_org(org_id))
    with check (exists (select from devices d where d.device_id = device_registrations.device_id) and z360_sees_org(org_id));
create policy sip_identities_own on sip_identities for all to z360_tenant
    using (exists (select from devices d where d.device_id = sip_identities.device_id))
    with check (exists (select from devices d where d.device_id = sip_identities.device_id));
create policy api_tokens_own on api_tokens for all to z360_tenant
    using (z360_sees_user(user_id) or org_id = z360_org())
    with check (z360_sees_user(user_id) or org_id = z360_org());
create policy apple_links_own on apple_links for select to z360_tenant using (z360_sees_user(user_id));
create policy audit_events_append on audit_events for insert to z360_tenant
    with check (z360_sees_user(user_id) or org_id = z360_org());

-- A call is the called person's, in an organisation they belong to now.
create policy calls_visible on calls for select to z360_tenant
    using (org_id = z360_org() or (user_id = z360_user() and z360_sees_org(org_id)));
-- "offset 0" keeps the planner from collecting every visible call first, to look one up.
create policy call_legs_visible on call_legs for select to z360_tenant
    using (exists (select from calls c where c.call_id = call_legs.call_id offset 0));
create policy call_events_visible on call_events for select to z360_tenant
    using (exists (select from calls c where c.call_id = call_events.call_id offset 0));

grant usage on schema public to z360_tenant;
grant select on organizations, users, memberships, org_settings, phone_numbers, contacts, devices,
    device_registrations, sip_identities, api_tokens, apple_links, calls, call_legs, call_events to z360_tenant;
grant insert, update, delete on memberships, org_settings, phone_numbers, contacts to z360_tenant;
grant update on organizations to z360_tenant;
grant insert, update, delete on devices, device_registrations to z360_tenant;
grant insert, update on sip_identities, api_tokens to z360_tenant;
grant insert on audit_events to z360_tenant;
