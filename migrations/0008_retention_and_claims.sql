-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Indexes by which old rows are found to be removed, and by which a backlog is claimed in its order. Built beside the
-- traffic: the tables may be large. The program of the version before goes on working: it needs no index by name.
-- migrate: outside a transaction

-- Whatever an attempt that was cut off has left.
drop index concurrently if exists webhook_events_pending;
drop index concurrently if exists webhook_events_settled;
drop index concurrently if exists calls_ended;

-- The order of claims, oldest first; what somebody holds is passed over without a look at its row.
create index concurrently webhook_events_pending on webhook_events (received_at, seq, claimed_until) where status = 'new';
-- Served claims without their order: a hundred thousand waiting rows were sorted for each.
drop index concurrently if exists webhook_events_unprocessed;
-- No statement reads it, and every claim had to keep it.
drop index concurrently if exists webhook_events_received;

-- What retention removes, oldest first. (Dead letters have webhook_events_dead.)
create index concurrently webhook_events_settled on webhook_events (processed_at) where status in ('done', 'ignored');
create index concurrently calls_ended on calls (ended_at) where phase = 'ended';

-- Room of removed rows is found again long before a fifth of the table is empty.
alter table webhook_events set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- From Postgres 16 on a membership may come without the right to SET ROLE: who may create roles, but is no superuser,
-- gets the membership of a role of its making, without that right.
do $$
declare
    new_rights constant boolean := current_setting('server_version_num')::int >= 160000;
begin
    if not pg_has_role(current_user, 'z360_tenant', case when new_rights then 'SET' else 'MEMBER' end) then
        execute format(case when new_rights then 'grant z360_tenant to %I with set true, inherit false'
                            else 'grant z360_tenant to %I' end, current_user);
    end if;
exception
    when insufficient_privilege then
        raise exception 'this login may not act as z360_tenant; as a superuser run: grant z360_tenant to %',
            quote_ident(current_user) || case when new_rights then ' with set true' else '' end;
end $$;
