-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- A member's mobile number is dialed when no device of theirs takes a call of this organisation; when, and what is said
-- there, is the organisation's to set. Only additions: the program of the version before neither reads nor writes them.
-- migrate: outside a transaction

alter table memberships add column if not exists mobile text;
alter table memberships
    drop constraint if exists memberships_mobile_check,
    add constraint memberships_mobile_check check (mobile ~ '^\+[1-9][0-9]{6,14}$') not valid;
alter table memberships validate constraint memberships_mobile_check;

alter table org_settings
    add column if not exists mobile_after_secs int,
    add column if not exists mobile_prompt text;
alter table org_settings
    drop constraint if exists org_settings_mobile_after_secs_check,
    drop constraint if exists org_settings_mobile_prompt_check,
    add constraint org_settings_mobile_after_secs_check check (mobile_after_secs between 5 and 60) not valid,
    add constraint org_settings_mobile_prompt_check check (length(mobile_prompt) between 1 and 3000) not valid;
alter table org_settings validate constraint org_settings_mobile_after_secs_check;
alter table org_settings validate constraint org_settings_mobile_prompt_check;

-- Whoever answers a number is asked for a key. Rows that exist obey: nobody looks through all of them while calls wait.
alter table commands
    drop constraint if exists commands_verb_of_channel,
    add constraint commands_verb_of_channel check (
        case channel
            when 'carrier' then verb in ('dial', 'answer', 'bridge', 'hangup', 'reject', 'speak', 'playback_start',
                                         'playback_stop', 'record_start', 'gather_using_speak')
            else channel <> '' and verb <> ''
        end) not valid;
