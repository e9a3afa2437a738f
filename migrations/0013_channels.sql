-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- The outbox carries effects of several channels. What the program of the version before writes is the carrier's, as
-- all that it has written; rows of other channels bear a form above its own, so it leaves them alone.

alter table commands add column channel text not null default 'carrier';

-- A verb is the carrier's word; another channel names its own kinds. Rows that exist obey by what held before, so
-- nobody looks through all of them while calls wait.
alter table commands drop constraint commands_verb_check;
alter table commands add constraint commands_verb_of_channel check (
    case channel
        when 'carrier' then verb in ('dial', 'answer', 'bridge', 'hangup', 'reject', 'speak', 'playback_start',
                                     'playback_stop', 'record_start')
        else channel <> '' and verb <> ''
    end) not valid;
