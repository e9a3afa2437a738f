-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- By which an address is found in any case. Not unique: a database may hold doubles from before, and both go on.
-- migrate: outside a transaction

drop index concurrently if exists users_login_folded;
create index concurrently users_login_folded on users (lower(login));
