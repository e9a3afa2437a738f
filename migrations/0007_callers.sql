-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Who called, in one form, and the texts as the carrier sent them, beside it. Only additions: the program of the
-- version before leaves them empty.
alter table calls
    add column caller_number text check (caller_number <> ''), -- +E.164, 'withheld', sip:user@host, or what came
    add column caller_sent   text check (caller_sent <> ''),
    add column dialed_sent   text check (dialed_sent <> '');
