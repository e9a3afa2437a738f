-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- What is recorded of the talks of one number; null: what its organisation says. The program of the version before neither
-- reads nor writes it, and records as the organisation says.
-- And one more reason why a call ends: the device that talked had no sound, and ended it. Calls that have it are of a form that
-- the program of the version before leaves to newer nodes.
-- migrate: outside a transaction

alter table phone_numbers add column if not exists recording text;
alter table phone_numbers
    drop constraint if exists phone_numbers_recording_check,
    add constraint phone_numbers_recording_check check (recording in ('off', 'on', 'mandatory')) not valid;
alter table phone_numbers validate constraint phone_numbers_recording_check;

-- Rows that exist obey: nobody looks through all of them while calls wait.
alter table calls
    drop constraint if exists calls_end_reason_check,
    add constraint calls_end_reason_check check (
        end_reason in ('completed', 'caller_cancelled', 'voicemail', 'rejected', 'failed', 'no_media')) not valid;
