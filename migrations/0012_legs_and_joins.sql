-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Legs have a role and an endpoint, joins are rows, and who is still rung is told by legs instead of by the call's
-- phase. Only additions: the program of the version before goes on, writes legs as it did (the defaults are what they
-- are) and no joins. calls.winner_leg_id stays for it; the version after this one may drop it.
-- migrate: outside a transaction

alter table call_legs
    add column if not exists role text not null default 'device',
    add column if not exists endpoint text not null default 'identity',
    add column if not exists address text;

-- Checked beside the traffic, whatever an attempt that was cut off has left. The caller is no row here: it is the call's.
alter table call_legs
    drop constraint if exists call_legs_role_check,
    drop constraint if exists call_legs_endpoint_check,
    drop constraint if exists call_legs_leads_somewhere,
    drop constraint if exists call_legs_device_has_identity,
    add constraint call_legs_role_check check (role in ('device', 'peer', 'agent')) not valid,
    add constraint call_legs_endpoint_check check (endpoint in ('identity', 'e164', 'sip_uri')) not valid,
    add constraint call_legs_leads_somewhere
        check ((endpoint = 'identity') = (device_id is not null) and (device_id is null) = (identity_id is null)
               and (endpoint = 'identity') = (address is null) and address <> '') not valid,
    add constraint call_legs_device_has_identity check (role <> 'device' or identity_id is not null) not valid;
alter table call_legs validate constraint call_legs_role_check;
alter table call_legs validate constraint call_legs_endpoint_check;
alter table call_legs validate constraint call_legs_leads_somewhere;
alter table call_legs validate constraint call_legs_device_has_identity;
-- A number or an address that is dialed has neither; who is a device has both, by the constraints above.
alter table call_legs alter column device_id drop not null, alter column identity_id drop not null;

-- Which leg was claimed and joined to the caller, when, and what became of it. `epoch`: the claim.
create table if not exists call_joins (
    call_id   uuid not null,
    leg_id    uuid not null,
    epoch     int not null check (epoch > 0),
    org_id    bigint not null,
    commanded boolean not null,
    accepted  boolean not null,
    refused   boolean not null,
    joined_at timestamptz,
    over      text check (over in ('talk_over', 'call_over', 'dropped', 'overtaken')),
    over_at   timestamptz,
    primary key (call_id, leg_id, epoch),
    constraint call_joins_own_leg
        foreign key (leg_id, call_id) references call_legs (leg_id, call_id) on delete cascade,
    constraint call_joins_tenant_of_call
        foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade,
    -- The caller's leg is in each of them: no leg is in two at a time. Asked when a statement is over.
    constraint call_joins_one_at_a_time exclude (call_id with =) where (over is null) deferrable
);

-- As in 0002, by legs: one that is over, told to stop, joined to the caller or about to be is not rung.
create or replace function z360_withdraw_rings(which_calls uuid[], which_device bigint) returns void
    language sql set search_path from current as $$
    insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, claimed_until)
    select 'withdrawn-' || gen_random_uuid(), 'own.ring_withdrawn', 'own', c.call_session_id, clock_timestamp(),
           convert_to(jsonb_build_object('call_session_id', c.call_session_id,
                                         'devices', jsonb_agg(distinct l.device_id))::text, 'UTF8'),
           clock_timestamp()
      from calls c join call_legs l using (call_id)
     where c.call_id = any(which_calls) and c.phase <> 'ended' and l.role = 'device'
       and not l.ended and not l.bridged and l.dial <> 'failed' and l.release_reason is null
       and l.leg_id is distinct from c.winner_leg_id
       and not exists (select from call_joins j where j.call_id = l.call_id and j.leg_id = l.leg_id and j.over is null)
       and (which_device is null or l.device_id = which_device)
     group by c.call_session_id $$;
