-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- As in 0015; and whoever leaves the organisation, or is suspended, is not rung on their mobile number either: it is no
-- device, and stands among the devices as 0, whether it rings already or would be dialed later in the ring. The program of
-- the version before lets a leg to the number go by the same word.

create or replace function z360_withdraw_rings(which_calls uuid[], which_device bigint) returns void
    language sql set search_path from current as $$
    with rung as (
        select c.call_session_id, coalesce(l.device_id, 0) as device
          from calls c join call_legs l using (call_id)
         where c.call_id = any(which_calls) and c.phase <> 'ended' and l.role in ('device', 'peer')
           and not l.ended and not l.bridged and l.release_reason is null
           and l.leg_id is distinct from c.winner_leg_id
           and not exists (select from call_joins j
                            where j.call_id = l.call_id and j.leg_id = l.leg_id and j.over is null)
           and (which_device is null or l.device_id = which_device)
        union
        select c.call_session_id, 0 from calls c
         where c.call_id = any(which_calls) and which_device is null
           and c.phase in ('ringing', 'answering', 'bridging')
    )
    insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, claimed_until)
    select 'withdrawn-' || gen_random_uuid(), 'own.ring_withdrawn', 'own', r.call_session_id, clock_timestamp(),
           convert_to(jsonb_build_object('call_session_id', r.call_session_id,
                                         'devices', jsonb_agg(r.device order by r.device))::text, 'UTF8'),
           clock_timestamp()
      from rung r
     group by r.call_session_id $$;

create function z360_person_stopped() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select call_id from calls where user_id = new.user_id and phase <> 'ended'), null);
    return null;
end $$;
create trigger users_not_rung after update of status on users
    for each row when (old.status = 'active' and new.status <> 'active') execute function z360_person_stopped();
