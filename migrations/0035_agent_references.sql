-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What an agent is given in place of who calls (BE-27), and what it may be told of earlier calls (BE-29). Only
-- additions: the program of the version before rings no agent.

-- One for each dial of an agent, by the hash alone. It goes with its call.
create table agent_references (
    hash       bytea primary key check (octet_length(hash) = 32),
    call_id    uuid not null,
    org_id     bigint not null,
    leg_id     uuid not null,
    issued_at  timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    constraint agent_references_of_their_call foreign key (call_id, org_id)
        references calls (call_id, org_id) on delete cascade
);
create index agent_references_of_call on agent_references (call_id);

-- What was said in a conversation so far, in few words, by whoever summarised it: never made while a caller waits.
create table conversation_summaries (
    conversation_id bigint primary key,
    org_id          bigint not null,
    summary         text not null check (octet_length(summary) between 1 and 8000),
    made_at         timestamptz not null default now(),
    constraint conversation_summaries_of_their_conversation foreign key (conversation_id, org_id)
        references conversations (conversation_id, org_id) on delete cascade
);

alter table agent_references enable row level security;
alter table conversation_summaries enable row level security;
create policy agent_references_visible on agent_references for select to z360_tenant using (org_id = z360_org());
create policy agent_references_write on agent_references for update to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy agent_references_bound on agent_references as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
create policy conversation_summaries_visible on conversation_summaries for select to z360_tenant
    using (org_id = z360_org());
create policy conversation_summaries_write on conversation_summaries for all to z360_tenant
    using (org_id = z360_org()) with check (org_id = z360_org());
create policy conversation_summaries_bound on conversation_summaries as restrictive to z360_tenant
    using ((select z360_bound()) in (0, org_id));
grant select, update (used_at) on agent_references to z360_tenant;
grant select, insert, update, delete on conversation_summaries to z360_tenant;
