-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- As in 0012. A leg whose dial was given up may turn up yet: whoever may not be rung any more is told of it, too, and
-- the call, which knows more, makes of it what is right. The program of the version before does nothing with it.

create or replace function z360_withdraw_rings(which_calls uuid[], which_device bigint) returns void
    language sql set search_path from current as $$
    insert into webhook_events (event_id, event_type, route, call_session_id, received_at, body, claimed_until)
    select 'withdrawn-' || gen_random_uuid(), 'own.ring_withdrawn', 'own', c.call_session_id, clock_timestamp(),
           convert_to(jsonb_build_object('call_session_id', c.call_session_id,
                                         'devices', jsonb_agg(distinct l.device_id))::text, 'UTF8'),
           clock_timestamp()
      from calls c join call_legs l using (call_id)
     where c.call_id = any(which_calls) and c.phase <> 'ended' and l.role = 'device'
       and not l.ended and not l.bridged and l.release_reason is null
       and l.leg_id is distinct from c.winner_leg_id
       and not exists (select from call_joins j where j.call_id = l.call_id and j.leg_id = l.leg_id and j.over is null)
       and (which_device is null or l.device_id = which_device)
     group by c.call_session_id $$;
