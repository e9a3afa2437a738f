-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Groups, and people who are rung one after the other. Only additions: the program of the version before sends calls of
-- a number with a plan to voicemail, and leaves alone those that have begun (form 9).

create table ring_plans (
    org_id          bigint not null references organizations,
    plan            text not null check (plan ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name            text not null default '' check (length(name) <= 200),
    strategy        text not null check (strategy in ('all', 'sequence', 'waves', 'hunt', 'longest_idle')),
    step_secs       int not null check (step_secs between 5 and 60),
    ring_secs       int not null check (ring_secs between 5 and 60),
    mailbox_user_id bigint, -- whose messages are those that are left; null: the organisation's alone
    updated_at      timestamptz not null default now(),
    primary key (org_id, plan),
    constraint ring_plans_mailbox_is_a_members foreign key (org_id, mailbox_user_id)
        references memberships (org_id, user_id) on delete set null (mailbox_user_id)
);

create table ring_plan_members (
    org_id     bigint not null,
    plan       text not null,
    place      int not null check (place between 0 and 49),
    user_id    bigint,
    e164       e164,
    asked      boolean not null default true,
    wave       int not null default 1 check (wave between 1 and 20),
    delay_secs int not null default 0 check (delay_secs between 0 and 60),
    turn_secs  int check (turn_secs between 5 and 60), -- null: as the plan has it
    primary key (org_id, plan, place),
    foreign key (org_id, plan) references ring_plans on delete cascade,
    constraint ring_plan_members_are_members foreign key (org_id, user_id)
        references memberships (org_id, user_id) on delete cascade,
    constraint ring_plan_members_are_one check ((user_id is null) <> (e164 is null))
);
create unique index ring_plan_members_once on ring_plan_members (org_id, plan, user_id) where user_id is not null;
create index ring_plan_members_of_person on ring_plan_members (org_id, user_id);

alter table phone_numbers
    add column ring_plan text,
    add constraint phone_numbers_plan_is_ours foreign key (org_id, ring_plan) references ring_plans (org_id, plan),
    drop constraint phone_numbers_route_type_check,
    add constraint phone_numbers_route_type_check
        check (route_type in ('user', 'agent', 'voicemail', 'reject', 'plan')),
    add constraint phone_numbers_plan_route_has_plan check ((route_type = 'plan') <= (ring_plan is not null));
create index phone_numbers_plan on phone_numbers (org_id, ring_plan) where ring_plan is not null;
-- Whom a person's calls ring otherwise than their own devices at once.
alter table memberships
    add column ring_plan text,
    add constraint memberships_plan_is_ours foreign key (org_id, ring_plan) references ring_plans (org_id, plan);
create index memberships_plan on memberships (org_id, ring_plan) where ring_plan is not null;

-- ---- calls that are more than one person's

alter table call_legs drop constraint call_legs_dial_check,
    add constraint call_legs_dial_check check (dial in ('planned', 'requested', 'accepted', 'failed')) not valid;

alter table calls add column shared boolean not null default false;
-- Those whom a plan may ring, with what their lists are sorted by.
create table call_people (
    call_id         uuid not null,
    org_id          bigint not null,
    user_id         bigint not null references users,
    phone_number_id bigint,
    began_at        timestamptz not null,
    changed         xid8 not null default pg_current_xact_id(),
    live            boolean not null default true,
    answered        boolean not null default false, -- they had the caller
    primary key (call_id, user_id),
    foreign key (call_id, org_id) references calls (call_id, org_id) on delete cascade
);
create index call_people_changed on call_people (user_id, changed);
create index call_people_began on call_people (user_id, began_at desc, call_id);
create index call_people_live on call_people (user_id) where live;
create index call_people_org_live on call_people (org_id) where live;
create index call_people_answered on call_people (user_id, began_at desc) where answered;
create index call_people_took_last on call_people (phone_number_id, began_at desc) where answered;

create function z360_mark_people() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    update call_people p
       set changed = new.changed, live = new.phase <> 'ended',
           answered = p.answered or (new.bridged_at is not null and exists (
               select from call_legs l join devices d on d.device_id = l.device_id
                where l.leg_id = new.winner_leg_id and d.user_id = p.user_id))
     where p.call_id = new.call_id;
    return null;
end $$;
create trigger calls_people after update on calls for each row when (new.shared) execute function z360_mark_people();

-- A device in whose person's turn the call has not come, and will not come any more, is free.
create or replace function z360_device_busy(device bigint) returns boolean language sql stable security definer
    set search_path from current as
    $$ select exists (select from call_legs l join calls c on c.call_id = l.call_id
                       where l.device_id = device and not l.ended and c.phase <> 'ended'
                         and not (l.dial = 'planned' and l.release_reason is not null)
                         and c.began_at > clock_timestamp() - interval '4 hours 5 minutes') $$;

-- ---- who may not be rung any more is not rung any more (B28): of a call that is several people's, their devices alone

create function z360_withdraw_person(who bigint, of_org bigint) returns void language sql
    set search_path from current as $$
    select z360_withdraw_rings(array(select call_id from call_people
                                      where user_id = who and live and (of_org is null or org_id = of_org)), d.device_id)
      from devices d where d.user_id = who $$;
revoke execute on function z360_withdraw_person from public;

create or replace function z360_member_left() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select call_id from calls where user_id = old.user_id and org_id = old.org_id
                                                                  and phase <> 'ended' and not shared), null);
    perform z360_withdraw_person(old.user_id, old.org_id);
    return null;
end $$;

create or replace function z360_organisation_stopped() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    -- Also of calls that ring numbers alone, and are nobody's. No ring is older than that.
    perform z360_withdraw_rings(array(select c.call_id from calls c
                                       where c.org_id = new.org_id and c.phase <> 'ended'
                                         and c.began_at > now() - interval '1 day'), null);
    return null;
end $$;

create or replace function z360_person_stopped() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    perform z360_withdraw_rings(array(select call_id from calls where user_id = new.user_id and phase <> 'ended'
                                                                  and not shared), null);
    perform z360_withdraw_person(new.user_id, null);
    return null;
end $$;

-- At the end of the transaction, for a plan is set by replacing its members.
create function z360_plan_member_left() returns trigger language plpgsql security definer
    set search_path from current as $$
begin
    if old.user_id is null or exists (select from ring_plan_members m where m.org_id = old.org_id and m.plan = old.plan
                                                                        and m.user_id = old.user_id) then
        return null;
    end if;
    perform z360_withdraw_rings(array(select p.call_id from call_people p
                                        join phone_numbers n on n.phone_number_id = p.phone_number_id
                                       where p.user_id = old.user_id and p.org_id = old.org_id and p.live
                                         and (n.ring_plan = old.plan or exists (
                                             select from memberships m
                                              where m.org_id = n.org_id and m.user_id = n.receiving_user_id
                                                and m.ring_plan = old.plan))), d.device_id)
       from devices d where d.user_id = old.user_id;
    return null;
end $$;
create constraint trigger ring_plan_members_not_rung after delete on ring_plan_members
    deferrable initially deferred for each row execute function z360_plan_member_left();

-- ---- row-level security

alter table ring_plans enable row level security;
alter table ring_plan_members enable row level security;
alter table call_people enable row level security;
create policy ring_plans_visible on ring_plans for select to z360_tenant using (z360_sees_org(org_id));
create policy ring_plans_write on ring_plans for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy ring_plans_bound on ring_plans as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy ring_plan_members_visible on ring_plan_members for select to z360_tenant using (z360_sees_org(org_id));
create policy ring_plan_members_write on ring_plan_members for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy ring_plan_members_bound on ring_plan_members as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy call_people_visible on call_people for select to z360_tenant
    using (org_id = z360_org() or (user_id = z360_user() and z360_sees_org(org_id)));
create policy call_people_bound on call_people as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, insert, update, delete on ring_plans, ring_plan_members to z360_tenant;
grant select on call_people to z360_tenant;

-- With its owner's rights: the policy of one table that asks the other's would ask itself again.
create function z360_was_called(call uuid) returns boolean language sql stable security definer
    set search_path from current as
    $$ select exists (select from call_people p where p.call_id = call and p.user_id = z360_user()) $$;
drop policy calls_visible on calls;
create policy calls_visible on calls for select to z360_tenant
    using (org_id = z360_org() or (user_id = z360_user() and z360_sees_org(org_id))
           or (shared and z360_was_called(call_id) and z360_sees_org(org_id)));
