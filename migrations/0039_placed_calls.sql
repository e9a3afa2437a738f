-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Calls that devices of ours place. Only additions: the program of the version before leaves such calls to newer nodes,
-- whose form it does not know, and places none itself.
-- migrate: outside a transaction

-- The device; null: somebody called us.
alter table calls add column if not exists placed_by bigint;
drop index concurrently if exists calls_placed_live;
create index concurrently calls_placed_live on calls (placed_by) where placed_by is not null and phase <> 'ended';
drop index concurrently if exists calls_placed_of_organisation;
create index concurrently calls_placed_of_organisation on calls (org_id) where placed_by is not null and phase <> 'ended';
drop index concurrently if exists calls_placed_lately;
create index concurrently calls_placed_lately on calls (user_id, began_at) where placed_by is not null;

-- Rows that exist obey: nobody looks through all of them while calls wait.
alter table calls
    drop constraint if exists calls_end_reason_check,
    add constraint calls_end_reason_check check (
        end_reason in ('completed', 'caller_cancelled', 'voicemail', 'rejected', 'failed', 'no_media', 'busy', 'no_answer'))
        not valid;
alter table commands
    drop constraint if exists commands_verb_of_channel,
    add constraint commands_verb_of_channel check (
        case channel
            when 'carrier' then verb in ('dial', 'answer', 'bridge', 'hangup', 'reject', 'speak', 'playback_start',
                                         'playback_stop', 'record_start', 'gather_using_speak', 'record_pause',
                                         'record_resume', 'transfer')
            else channel <> '' and verb <> ''
        end) not valid;

-- By which rules an organisation's people call. No row, or null: nothing is forbidden but what costs extra, and only the
-- server's limits hold.
create table if not exists outbound_rules (
    org_id         bigint primary key references organizations,
    enabled        boolean not null default true,  -- false: nobody calls out
    allowed        text[] check (cardinality(allowed) between 1 and 300),   -- beginnings of numbers, "+49"
    forbidden      text[] not null default '{}' check (cardinality(forbidden) <= 300),
    premium        boolean not null default false, -- true: also to numbers that cost extra
    ring_seconds   int check (ring_seconds between 5 and 600),
    at_once        int check (at_once between 1 and 10000),  -- such calls of the organisation
    per_minute     int check (per_minute between 1 and 600), -- that one person begins
    updated_at     timestamptz not null default now()
);
alter table outbound_rules enable row level security;
drop policy if exists outbound_rules_visible on outbound_rules;
create policy outbound_rules_visible on outbound_rules for select to z360_tenant using (z360_sees_org(org_id));
drop policy if exists outbound_rules_write on outbound_rules;
create policy outbound_rules_write on outbound_rules for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
drop policy if exists outbound_rules_bound on outbound_rules;
create policy outbound_rules_bound on outbound_rules as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert, update, delete on outbound_rules to z360_tenant;

-- As in 0036: whoever calls is on the phone from the beginning.
create or replace function z360_talks(device bigint) returns boolean language plpgsql stable as
    $$ begin return (select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and l.release_reason is null and c.phase <> 'ended'
                         and (l.bridged or c.winner_leg_id = l.leg_id)
                         and c.began_at > now() - interval '4 hours 5 minutes')
                  or exists (select from calls c where c.placed_by = device and c.phase <> 'ended'
                         and c.began_at > now() - interval '4 hours 5 minutes')); end $$;

create or replace function z360_begins_to_talk() returns trigger language plpgsql security definer
    set search_path from current as $$
declare
    talks_on bigint;
    who bigint;
begin
    select coalesce(l.device_id, new.placed_by)
      into talks_on from call_legs l where l.leg_id = new.winner_leg_id;
    select coalesce((select d.user_id from devices d where d.device_id = talks_on), new.user_id) into who;
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

-- As in 0030, with calls that our devices place.
create or replace view call_records with (security_invoker = true) as
select c.call_id, c.call_session_id, c.org_id, c.user_id, c.phase, c.end_reason, c.began_at, c.answered_at, c.bridged_at,
       c.ended_at, c.caller_number, c.caller_sent, c.snapshot #>> '{routed,caller_name}' as caller_name,
       coalesce(n.e164, c.snapshot #>> '{routed,number_e164}', c.dialed_sent) as dialed,
       case when c.phase <> 'ended' then 'in_progress' when c.bridged_at is not null or c.end_reason = 'completed' then 'answered'
            when c.end_reason = 'caller_cancelled' then case when c.placed_by is null then 'missed' else 'cancelled' end
            else c.end_reason end as outcome,
       case when c.bridged_at is not null then w.role end as answered_role,
       case when c.bridged_at is not null then w.device_id end as answered_device,
       nullif(c.snapshot #>> '{caller,hangup_cause}', '') as caller_cause, w.hangup_cause as answerer_cause,
       coalesce(t.talk_ms, 0) as talk_ms, m.mos as carrier_mos, s.mos as client_mos, s.samples,
       coalesce(m.silent, false) or f.failed as no_media,
       g.costs, p.sent_at as push_sent_at, p.received_at as push_received_at, p.shown_at as push_shown_at,
       case when c.placed_by is null then 'inbound' else 'outbound' end as direction, c.placed_by as placed_device
  from calls c
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
  left join call_legs w on w.leg_id = c.winner_leg_id
  left join lateral (
      select sum(z360_ms(coalesce(j.over_at, c.ended_at, statement_timestamp())) - z360_ms(j.joined_at)) as talk_ms
        from call_joins j where j.call_id = c.call_id and j.joined_at is not null) t on true
  -- Of those who talked: the caller's leg has no row of its own.
  left join lateral (
      select min(x.mos) as mos, bool_or(x.silent) as silent
        from leg_media x
       where x.call_id = c.call_id and x.leg_id is not null and t.talk_ms is not null
         and (exists (select from call_joins j where j.call_id = c.call_id and j.leg_id = x.leg_id and j.joined_at is not null)
              or not exists (select from call_legs l where l.leg_id = x.leg_id))) m on true
  left join lateral (
      select round(avg(x.mos), 2) as mos, count(*) as samples from call_samples x where x.call_id = c.call_id) s on true
  cross join lateral (
      select exists (select from client_events x where x.call_id = c.call_id and x.name = 'media_failed') as failed) f
  left join lateral (
      select jsonb_agg(jsonb_build_object('currency', y.currency, 'total', y.total::text) order by y.currency) as costs
        from (select x.currency, sum(x.total) as total from leg_charges x
               where x.call_id = c.call_id and x.total is not null group by x.currency) y) g on true
  left join lateral (
      select min(x.sent_at) as sent_at, min(x.received_at) as received_at, min(x.shown_at) as shown_at
        from push_rings x where x.call_id = c.call_id) p on true;
