-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- When an organisation takes calls, and from whom it takes none. Only additions: the program of the version before
-- rings at all times and for everybody, as it did.

create table opening_hours (
    org_id          bigint primary key references organizations,
    time_zone       text not null check (time_zone <> ''),
    rules           jsonb not null check (jsonb_typeof(rules) = 'object'),
    closed_greeting text check (length(closed_greeting) between 1 and 3000),
    updated_at      timestamptz not null default now()
);

create table blocked_callers (
    org_id     bigint not null references organizations,
    e164       e164 not null,
    note       text not null default '' check (length(note) <= 1000),
    created_at timestamptz not null default now(),
    primary key (org_id, e164)
);

-- Null: a blocked caller is rejected; else answered, told this, and hung up on.
alter table org_settings
    add column blocked_message text check (length(blocked_message) between 1 and 3000);

-- What the clock on the wall shows there, as call::read_wall_time reads it. Null: the zone is none that this server
-- knows; a call must not fail for that.
create function z360_wall_time(at_ms bigint, zone text) returns text
    language plpgsql stable set search_path from current as $$
begin
    return to_char(to_timestamp(at_ms / 1000.0) at time zone zone, 'YYYY-MM-DD HH24:MI');
exception when invalid_parameter_value then
    return null;
end $$;

alter table opening_hours enable row level security;
alter table blocked_callers enable row level security;
create policy opening_hours_visible on opening_hours for select to z360_tenant using (z360_sees_org(org_id));
create policy opening_hours_write on opening_hours for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy opening_hours_bound on opening_hours as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy blocked_callers_visible on blocked_callers for select to z360_tenant using (z360_sees_org(org_id));
create policy blocked_callers_write on blocked_callers for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy blocked_callers_bound on blocked_callers as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert, update, delete on opening_hours, blocked_callers to z360_tenant;
