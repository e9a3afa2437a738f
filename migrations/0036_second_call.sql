-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Who talks already, and who does not want to be disturbed (STATE-02, B5). Only additions: the program of the version
-- before rings everybody, and takes a device whose person begins to talk elsewhere out of its ring.

alter table users add column do_not_disturb_until timestamptz;   -- 'infinity': until they end it
alter table devices add column do_not_disturb_until timestamptz;
-- Call waiting; only devices that have no part in the talk; nothing.
alter table org_settings add column second_call text check (second_call in ('ring', 'others', 'none'));
alter table memberships add column second_call text check (second_call in ('ring', 'others', 'none'));

-- Who comes next on a phone did not ask for that.
create function z360_device_changes_hands() returns trigger language plpgsql set search_path from current as $$
begin
    new.do_not_disturb_until := null;
    return new;
end $$;
create trigger devices_disturbed_anew before update of user_id on devices
    for each row when (old.user_id <> new.user_id) execute function z360_device_changes_hands();

-- In PL/pgSQL, whose plans a session keeps: these are asked with every call.
-- It has, or is getting, somebody to talk to; no talk is longer than four hours.
create function z360_talks(device bigint) returns boolean language plpgsql stable as
    $$ begin return (select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and l.release_reason is null and c.phase <> 'ended'
                         and (l.bridged or c.winner_leg_id = l.leg_id)
                         and c.began_at > now() - interval '4 hours 5 minutes')); end $$;
-- On a device, or at their mobile number.
create function z360_person_talks(person bigint) returns boolean language plpgsql stable as
    $$ begin return (select exists (select from devices d where d.user_id = person and z360_talks(d.device_id))
           or exists (select from calls c join call_legs l on l.leg_id = c.winner_leg_id
                       where c.user_id = person and c.phase <> 'ended' and not c.shared and l.device_id is null
                         and not l.ended and l.release_reason is null
                         and c.began_at > now() - interval '4 hours 5 minutes')); end $$;
create function z360_second_call(of_org bigint, person bigint) returns text language plpgsql stable as
    $$ begin return (
       select coalesce((select m.second_call from memberships m where m.org_id = of_org and m.user_id = person),
                       (select s.second_call from org_settings s where s.org_id = of_org), 'others')); end $$;

-- ---- the reservation: of two calls that come to a person at once, or of which one is answered while the other begins,
-- the second sees the first. Whoever begins to ring a person, and whoever begins to talk, take turns; rings do not.

create function z360_stop_busy(which_call uuid, which_devices bigint[]) returns void language sql
    set search_path from current as $$
    insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, claimed_until)
    select 'busy-' || gen_random_uuid(), 'own.ring_withdrawn', 'own', c.call_session_id, clock_timestamp(),
           convert_to(jsonb_build_object('call_session_id', c.call_session_id, 'busy', true,
                                         'devices', to_jsonb(which_devices))::text, 'UTF8'),
           clock_timestamp()
      from calls c where c.call_id = which_call and c.phase in ('ringing', 'answering', 'bridging') $$;
revoke execute on function z360_stop_busy from public;

create function z360_turn_of(person bigint) returns bigint language sql immutable as
    $$ select hashtextextended(person::text, 36) $$;

create function z360_begins_to_talk() returns trigger language plpgsql security definer
    set search_path from current as $$
declare
    talks_on bigint;
    who bigint;
begin
    select l.device_id, coalesce(d.user_id, new.user_id)
      into talks_on, who
      from call_legs l left join devices d on d.device_id = l.device_id where l.leg_id = new.winner_leg_id;
    if who is null or (talks_on is null and new.shared) then
        return null;
    end if;
    perform pg_advisory_xact_lock(z360_turn_of(who));
    perform z360_stop_busy(x.call_id, x.devices)
       from (select l.call_id, array_agg(distinct l.device_id) as devices
               from devices d
               join call_legs l on l.device_id = d.device_id and not l.ended and not l.bridged
                               and l.dial <> 'failed' and l.release_reason is null
               join calls c on c.call_id = l.call_id and c.phase <> 'ended' and c.winner_leg_id is distinct from l.leg_id
              where d.user_id = who and l.call_id <> new.call_id
                and case z360_second_call(c.org_id, who)
                    when 'none' then true when 'others' then d.device_id = talks_on else false end
              group by l.call_id) x;
    return null;
end $$;
-- Not when somebody is claimed: a claim that comes to nothing takes no other call's ring away.
create trigger calls_talk_is_there after insert on calls for each row
    when (new.winner_leg_id is not null and new.bridged_at is not null and new.phase <> 'ended')
    execute function z360_begins_to_talk();
create trigger calls_talk_begins after update of bridged_at on calls for each row
    when (new.winner_leg_id is not null and new.bridged_at is not null and old.bridged_at is null
          and new.phase <> 'ended')
    execute function z360_begins_to_talk();

create function z360_ring_begins() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform pg_advisory_xact_lock_shared(z360_turn_of(p.user_id))
       from (select distinct d.user_id from fresh f join devices d on d.device_id = f.device_id
               join calls c on c.call_id = f.call_id and c.winner_leg_id is null -- else its own talk is what begins
              where f.role = 'device' order by d.user_id) p;
    if not found then
        return null;
    end if;
    perform z360_stop_busy(x.call_id, x.devices)
       from (select f.call_id, array_agg(distinct f.device_id) as devices
               from fresh f join devices d on d.device_id = f.device_id
              where f.role = 'device' and not f.ended and not f.bridged
                and case z360_second_call(f.org_id, d.user_id)
                    when 'none' then z360_person_talks(d.user_id)
                    when 'others' then z360_talks(d.device_id) else false end
              group by f.call_id) x;
    return null;
end $$;
create trigger call_legs_ring_begins after insert on call_legs referencing new table as fresh
    for each statement execute function z360_ring_begins();
