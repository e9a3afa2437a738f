-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What phones say of pushes of a ringing call, and each ring of a phone in one line. Only additions.

-- The first word of each kind counts. No foreign keys, as in push_attempts: written behind the calls' backs.
create table push_receipts (
    call_id   uuid not null,
    device_id bigint not null,
    ring      int not null,
    state     text not null check (state in ('received', 'ready', 'ringing', 'answering', 'dismissed')),
    org_id    bigint not null,
    at        timestamptz not null, -- by the server's clock
    phone_at  timestamptz,          -- by the phone's
    primary key (call_id, device_id, ring, state)
);
create index push_receipts_age on push_receipts (at);

alter table push_receipts enable row level security;
create policy push_receipts_visible on push_receipts for select to z360_tenant
    using (exists (select from calls c where c.call_id = push_receipts.call_id offset 0));
grant select on push_receipts to z360_tenant;

-- One line for each phone and ring that a push was sent for: when it left, was taken, arrived, was shown; and whether the
-- phone got the caller.
create view push_rings with (security_invoker = true) as
select a.call_id, a.org_id, a.device_id, a.ring, min(a.provider) as provider, min(a.sent_at) as sent_at,
       min(a.answered_at) filter (where a.outcome = 'accepted') as accepted_at,
       (array_agg(a.reason order by a.sent_at desc) filter (where a.outcome <> 'accepted' and a.reason <> ''))[1] as refusal,
       r.received_at, r.shown_at,
       exists (select from call_legs l where l.call_id = a.call_id and l.device_id = a.device_id and l.answered) as answered
  from push_attempts a
  left join lateral (
      select min(p.at) as received_at, min(p.at) filter (where p.state in ('ringing', 'answering')) as shown_at
        from push_receipts p where p.call_id = a.call_id and p.device_id = a.device_id and p.ring = a.ring) r on true
 where a.kind = 'incoming_call'
 group by a.call_id, a.org_id, a.device_id, a.ring, r.received_at, r.shown_at;
comment on view push_rings is 'what became of the push of each ring on each phone';
grant select on push_rings to z360_tenant;
