-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What a call's decisions were made of: one row for each commit, written with it and never changed, gone with the
-- call. A program from before writes none; its commits are gaps between the versions. Owner's alone.

create table call_steps (
    call_id uuid not null references calls on delete cascade,
    version bigint not null check (version > 0), -- of the call, by this commit
    steps   jsonb not null,
    primary key (call_id, version)
);
do $$ begin
    alter table call_steps alter column steps set compression lz4;
exception when feature_not_supported then
    null; -- a server that was built without it
end $$;
