-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- An organisation takes a device of its members away from itself (I5): it rings for that organisation no more, and goes
-- on for the person's others. Only additions: the program of the version before rings it there until it is replaced.

-- Nobody's to see in a tenant's scope.
create table device_exclusions (
    device_id  bigint not null references devices on delete cascade,
    org_id     bigint not null references organizations,
    created_at timestamptz not null default now(),
    primary key (device_id, org_id)
);

create function z360_excluded(device bigint, org bigint) returns boolean language sql stable security definer
    set search_path from current as
    $$ select exists (select from device_exclusions x where x.device_id = device and x.org_id = org) $$;

-- To the organisation's operators such a device does not exist.
create policy devices_excluded on devices as restrictive to z360_tenant
    using ((select z360_org()) = 0 or not z360_excluded(device_id, (select z360_org())));
