-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- An effect may wait for another one: the outbox says for which. Rows that wait bear a form above what the program of
-- the version before reads, which therefore leaves them alone; it writes none. Nothing is looked for by this column
-- alone (always with the call, or from the row itself), so it has no index; no foreign key, so that rows come in any order.

alter table commands add column after_id text;
comment on column commands.after_id is
    'waits until this one is done; NULL: it waits for nothing, or was released';
