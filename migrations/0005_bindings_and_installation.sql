-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What is issued through a token of one organisation stays in that organisation (I5); the browser session that
-- registered a device; whose credentials at Telnyx are ours. Only additions: the program of the version before goes on
-- beside it.

-- ---- devices and tokens that belong to one of their person's organisations

-- Null: all of the person's organisations. Else the device rings for this one only, and its tokens see this one only.
alter table devices add column bound_org_id bigint references organizations;
create index devices_bound on devices (bound_org_id) where bound_org_id is not null;
-- Of device, enrolment and handoff tokens; service and admin tokens have it in org_id.
alter table api_tokens add column bound_org_id bigint references organizations;

-- Digest of the web product's session that registered it: its later requests are about this device.
alter table devices add column session_hash text;

-- Devices that nobody but bound backends has ever registered, by the audit.
with registered as (
    select a.device_id, min(t.org_id) as org, max(t.org_id) as last_org,
           bool_and(coalesce(t.kind = 'service' and t.org_id is not null, false)) as always_bound
      from audit_events a left join api_tokens t on t.token_id = a.token_id
     where a.action = 'device_registered' and a.device_id is not null
     group by a.device_id
)
update devices d set bound_org_id = r.org from registered r
 where d.device_id = r.device_id and r.always_bound and r.org = r.last_org and d.status <> 'removed';
update api_tokens t set bound_org_id = d.bound_org_id from devices d
 where d.device_id = t.device_id and d.bound_org_id is not null;

-- A third setting beside user and organisation: a person within one organisation. It only ever takes away.
create function z360_bound() returns bigint language sql stable as
    $$ select coalesce(nullif(current_setting('z360.bound_org_id', true), ''), '0')::bigint $$;

create policy organizations_bound on organizations as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy memberships_bound on memberships as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy org_settings_bound on org_settings as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy phone_numbers_bound on phone_numbers as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy contacts_bound on contacts as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy device_registrations_bound on device_registrations as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy calls_bound on calls as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy apple_links_bound on apple_links as restrictive to z360_tenant
    using ((select z360_bound()) = 0);
-- Within an organisation only what is bound to it: an identity that rings for others is not its to have. An
-- organisation's operators see their members' devices, but not those that are bound elsewhere.
create policy devices_bound on devices as restrictive to z360_tenant
    using (case when (select z360_bound()) <> 0 then coalesce(bound_org_id, 0) = (select z360_bound())
                when (select z360_org()) <> 0 then coalesce(bound_org_id, (select z360_org())) = (select z360_org())
                else true end);
create policy api_tokens_bound on api_tokens as restrictive to z360_tenant
    using (case when (select z360_bound()) <> 0
                then coalesce(org_id, bound_org_id, 0) = (select z360_bound())
                     or exists (select from devices d where d.device_id = api_tokens.device_id)
                when (select z360_org()) <> 0
                then coalesce(bound_org_id, (select z360_org())) = (select z360_org())
                else true end);

-- ---- whose credentials are ours

-- In the tag of every credential made from now on. An empty or another database has another id, so that it never takes
-- this one's credentials for its own strangers.
create table installation (
    only_row   boolean primary key default true check (only_row),
    id         uuid not null default gen_random_uuid(),
    -- Other ids whose credentials an operator has declared to be this installation's.
    adopted    uuid[] not null default '{}',
    -- The same for credentials without any id that were made before this time.
    unmarked_until timestamptz,
    created_at timestamptz not null default now()
);
insert into installation default values;
