-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What an organisation demands of the recording of its talks, beside record_calls; and the carrier's words for pausing one.
-- Only additions: the program of the version before neither reads nor writes them, and records as record_calls says.
-- migrate: outside a transaction

alter table org_settings
    add column if not exists recording_mandatory boolean,
    add column if not exists ends_unrecorded boolean,
    add column if not exists unrecorded_message text,
    add column if not exists recording_announcement text;
alter table org_settings
    drop constraint if exists org_settings_unrecorded_message_check,
    drop constraint if exists org_settings_recording_announcement_check,
    drop constraint if exists org_settings_recording_check,
    add constraint org_settings_unrecorded_message_check check (length(unrecorded_message) between 1 and 3000) not valid,
    add constraint org_settings_recording_announcement_check
        check (length(recording_announcement) between 1 and 3000) not valid,
    add constraint org_settings_recording_check check (not (recording_mandatory and not record_calls)) not valid;
alter table org_settings validate constraint org_settings_unrecorded_message_check;
alter table org_settings validate constraint org_settings_recording_announcement_check;
alter table org_settings validate constraint org_settings_recording_check;

-- Rows that exist obey: nobody looks through all of them while calls wait.
alter table commands
    drop constraint if exists commands_verb_of_channel,
    add constraint commands_verb_of_channel check (
        case channel
            when 'carrier' then verb in ('dial', 'answer', 'bridge', 'hangup', 'reject', 'speak', 'playback_start',
                                         'playback_stop', 'record_start', 'gather_using_speak', 'record_pause',
                                         'record_resume')
            else channel <> '' and verb <> ''
        end) not valid;
