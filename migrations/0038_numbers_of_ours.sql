-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Whether calls to a number come back to us, whichever organisation has it: a tenant that asks sees its own rows alone.
-- A number that was given back is nobody's. And talks occupy people from when they stand until they are over (0036).
-- In PL/pgSQL, whose plans a session keeps: these are asked with every call.

create function z360_is_ours(number text) returns boolean language plpgsql stable security definer
    set search_path from current as
    $$ begin return (select exists (select from phone_numbers n where n.e164 = number and not starts_with(n.connection_id, 'removed:'))); end $$;

create or replace function z360_talks(device bigint) returns boolean language plpgsql stable as
    $$ begin return (select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and l.release_reason is null and c.phase <> 'ended'
                         and (l.bridged or c.winner_leg_id = l.leg_id)
                         and c.began_at > now() - interval '4 hours 5 minutes')); end $$;
create or replace function z360_person_talks(person bigint) returns boolean language plpgsql stable as
    $$ begin return (select exists (select from devices d where d.user_id = person and z360_talks(d.device_id))
           or exists (select from calls c join call_legs l on l.leg_id = c.winner_leg_id
                       where c.user_id = person and c.phase <> 'ended' and not c.shared and l.device_id is null
                         and not l.ended and l.release_reason is null
                         and c.began_at > now() - interval '4 hours 5 minutes')); end $$;

create or replace function z360_second_call(of_org bigint, person bigint) returns text language plpgsql stable as
    $$ begin return (
       select coalesce((select m.second_call from memberships m where m.org_id = of_org and m.user_id = person),
                       (select s.second_call from org_settings s where s.org_id = of_org), 'others')); end $$;

-- Not when somebody is claimed: a claim that comes to nothing takes no other call's ring away.
drop trigger calls_talk_begins on calls;
drop trigger calls_talk_is_there on calls;
create trigger calls_talk_is_there after insert on calls for each row
    when (new.winner_leg_id is not null and new.bridged_at is not null and new.phase <> 'ended')
    execute function z360_begins_to_talk();
create trigger calls_talk_begins after update of bridged_at on calls for each row
    when (new.winner_leg_id is not null and new.bridged_at is not null and old.bridged_at is null
          and new.phase <> 'ended')
    execute function z360_begins_to_talk();
