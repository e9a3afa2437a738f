-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Numbers that lead to the organisation's agent or to a number outside, and callers who show none. Only additions: the
-- program of the version before sends calls of such a number to voicemail, takes callers without a number, and leaves
-- alone the calls that ring an agent (form 10).
-- migrate: outside a transaction

alter table org_settings
    add column if not exists agent_uri text,
    add column if not exists block_anonymous boolean,
    add column if not exists anonymous_message text; -- null: as blocked_message says
alter table org_settings
    drop constraint if exists org_settings_agent_uri_check,
    drop constraint if exists org_settings_anonymous_message_check,
    add constraint org_settings_agent_uri_check check (agent_uri ~ '^sips?:[!-~]{3,250}$') not valid,
    add constraint org_settings_anonymous_message_check check (length(anonymous_message) between 1 and 3000) not valid;
alter table org_settings validate constraint org_settings_agent_uri_check;
alter table org_settings validate constraint org_settings_anonymous_message_check;

-- Who takes the calls that come out of hours.
alter table opening_hours add column if not exists closed_to text not null default 'voicemail';
alter table opening_hours
    drop constraint if exists opening_hours_closed_to_check,
    add constraint opening_hours_closed_to_check check (closed_to in ('voicemail', 'agent')) not valid;
alter table opening_hours validate constraint opening_hours_closed_to_check;

alter table phone_numbers
    add column if not exists external_e164 e164,
    add column if not exists external_asked boolean not null default true; -- who answers is asked to press a key
-- Rows that exist obey: nobody looks through all of them while calls wait.
alter table phone_numbers
    drop constraint if exists phone_numbers_route_type_check,
    drop constraint if exists phone_numbers_external_route_has_number,
    add constraint phone_numbers_route_type_check
        check (route_type in ('user', 'agent', 'voicemail', 'reject', 'plan', 'external')) not valid,
    add constraint phone_numbers_external_route_has_number
        check ((route_type = 'external') <= (external_e164 is not null)) not valid;
alter table phone_numbers validate constraint phone_numbers_route_type_check;
alter table phone_numbers validate constraint phone_numbers_external_route_has_number;
