-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What is measured of calls and what they cost. Only additions: the program of the version before writes none of it.

-- What the carrier has heard of a leg, once each. `leg_id` is ours, the caller's too; null: one that we do not know.
create table leg_media (
    call_id      uuid not null,
    carrier_leg  text not null check (length(carrier_leg) between 1 and 256),
    org_id       bigint not null,
    leg_id       uuid,
    mos          numeric check (mos between 0 and 5),
    jitter_ms    numeric check (jitter_ms >= 0),
    packets_in   bigint check (packets_in >= 0),
    packets_out  bigint check (packets_out >= 0),
    skipped_in   bigint check (skipped_in >= 0),
    skipped_out  bigint check (skipped_out >= 0),
    silent       boolean not null generated always as
                     (coalesce(packets_in = 0, false) or coalesce(packets_out = 0, false)) stored,
    told_at      timestamptz not null,
    primary key (call_id, carrier_leg),
    constraint leg_media_of_their_call foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade
);

-- What the carrier charges for a leg: of several the newest that has not failed. Exact, as it was told.
create table leg_charges (
    call_id      uuid not null,
    carrier_leg  text not null check (length(carrier_leg) between 1 and 256),
    org_id       bigint not null,
    leg_id       uuid,
    total        numeric,
    currency     text check (length(currency) between 1 and 8), -- null: not told, or its parts differ
    failed       boolean not null,
    billed_secs  int check (billed_secs >= 0),
    parts        jsonb not null,
    at           timestamptz not null,
    primary key (call_id, carrier_leg),
    constraint leg_charges_of_their_call foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade
);

-- What a device has measured of its part in a call, a few seconds each. `sdk_version` is of the device's row; `said`:
-- what the report claimed, where that was something else (AND-23).
create table call_samples (
    call_id      uuid not null,
    device_id    bigint not null references devices on delete cascade,
    client_at    timestamptz not null, -- by the app's clock: what is sent again is known by it
    at           timestamptz not null, -- by ours
    org_id       bigint not null,
    user_id      bigint not null,
    received_at  timestamptz not null,
    mos          numeric check (mos between 0 and 5),
    jitter_ms    numeric check (jitter_ms >= 0),
    rtt_ms       numeric check (rtt_ms >= 0),
    loss_percent numeric check (loss_percent between 0 and 100),
    network      text not null default '' check (length(network) <= 32),
    candidate    text not null default '' check (length(candidate) <= 32),
    codec        text not null default '' check (length(codec) <= 32),
    sdk_version  text not null,
    said_version text check (said_version <> ''),
    primary key (call_id, device_id, client_at),
    constraint call_samples_of_their_call foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade
);
create index call_samples_of_device on call_samples (device_id, call_id);

-- What an app tells of its part in a call, up to days later.
create table client_events (
    call_id      uuid not null,
    device_id    bigint not null references devices on delete cascade,
    event_key    text not null check (length(event_key) between 1 and 128), -- the app's own
    at           timestamptz not null, -- by our clock
    client_at    timestamptz not null, -- by the app's
    org_id       bigint not null,
    user_id      bigint not null,
    received_at  timestamptz not null,
    name         text not null check (name ~ '^[a-z][a-z0-9_]{0,47}$'),
    detail       jsonb not null default '{}',
    app_version  text not null,
    sdk_version  text not null,
    said_version text check (said_version <> ''),
    primary key (call_id, device_id, event_key),
    constraint client_events_of_their_call foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade
);
create index client_events_of_device on client_events (device_id, call_id);

-- Its media has failed: until then its app is told to use a relay (B7).
alter table devices add column relay_until timestamptz;

alter table leg_media enable row level security;
create policy leg_media_visible on leg_media for select to z360_tenant
    using (exists (select from calls c where c.call_id = leg_media.call_id offset 0));
create policy leg_media_bound on leg_media as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select on leg_media to z360_tenant;

-- An organisation's, no person's.
alter table leg_charges enable row level security;
create policy leg_charges_visible on leg_charges for select to z360_tenant using (org_id = z360_org());
create policy leg_charges_bound on leg_charges as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select on leg_charges to z360_tenant;

alter table call_samples enable row level security;
create policy call_samples_visible on call_samples for select to z360_tenant
    using (org_id = z360_org() or (user_id = z360_user() and z360_sees_org(org_id)));
create policy call_samples_write on call_samples for insert to z360_tenant
    with check (user_id = z360_user() and z360_sees_org(org_id));
create policy call_samples_bound on call_samples as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert on call_samples to z360_tenant;

alter table client_events enable row level security;
create policy client_events_visible on client_events for select to z360_tenant
    using (org_id = z360_org() or (user_id = z360_user() and z360_sees_org(org_id)));
create policy client_events_write on client_events for insert to z360_tenant
    with check (user_id = z360_user() and z360_sees_org(org_id));
create policy client_events_bound on client_events as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert on client_events to z360_tenant;

-- Which legs were joined is told with the call.
alter table call_joins enable row level security;
create policy call_joins_visible on call_joins for select to z360_tenant
    using (exists (select from calls c where c.call_id = call_joins.call_id offset 0));
create policy call_joins_bound on call_joins as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select on call_joins to z360_tenant;

-- A call in one row: whoever is asked about it by people needs no more. Money is seen by organisations alone.
create view call_records with (security_invoker = true) as
select c.call_id, c.call_session_id, c.org_id, c.user_id, c.phase, c.end_reason, c.began_at, c.answered_at, c.bridged_at,
       c.ended_at, c.caller_number, c.caller_sent, c.snapshot #>> '{routed,caller_name}' as caller_name,
       coalesce(n.e164, c.snapshot #>> '{routed,number_e164}', c.dialed_sent) as dialed,
       case when c.phase <> 'ended' then 'in_progress' when c.bridged_at is not null or c.end_reason = 'completed' then 'answered'
            when c.end_reason = 'caller_cancelled' then 'missed' else c.end_reason end as outcome,
       case when c.bridged_at is not null then w.role end as answered_role,
       case when c.bridged_at is not null then w.device_id end as answered_device,
       nullif(c.snapshot #>> '{caller,hangup_cause}', '') as caller_cause, w.hangup_cause as answerer_cause,
       coalesce(t.talk_ms, 0) as talk_ms, m.mos as carrier_mos, s.mos as client_mos, s.samples,
       coalesce(m.silent, false) or f.failed as no_media,
       g.costs, p.sent_at as push_sent_at, p.received_at as push_received_at, p.shown_at as push_shown_at
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
comment on view call_records is 'one row for each call: who, when, outcome, quality, cost, pushes';
grant select on call_records to z360_tenant;
