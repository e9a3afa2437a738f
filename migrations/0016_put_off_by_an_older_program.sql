-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- An event of a call that an older program cannot read is put off by it, second after second, and each time it is the
-- first to look again. This program takes such rows at once: few at any time, found by this.
-- migrate: outside a transaction

drop index concurrently if exists webhook_events_put_off;
create index concurrently webhook_events_put_off on webhook_events (received_at, seq)
    where status = 'new' and (error like '%, this program reads up to %' or error like '% that this program does not know');
