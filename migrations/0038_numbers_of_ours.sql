-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Whether calls to a number come back to us, whichever organisation has it: a tenant that asks sees its own rows alone.
-- A number that was given back is nobody's. In PL/pgSQL, whose plans a session keeps: it is asked with every call.

create function z360_is_ours(number text) returns boolean language plpgsql stable security definer
    set search_path from current as
    $$ begin return (select exists (select from phone_numbers n where n.e164 = number and not starts_with(n.connection_id, 'removed:'))); end $$;
