-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- A call's snapshot is written with each of its commits, and compressed each time. lz4 takes a small part of the time
-- that pglz takes for it, and stores about as little. Rows that are there stay as they are until they are written again.

do $$ begin
    alter table calls alter column snapshot set compression lz4;
exception when feature_not_supported then
    null; -- a server that was built without it
end $$;
