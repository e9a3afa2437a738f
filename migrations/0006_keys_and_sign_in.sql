-- SPDX-License-Identifier: LicenseRef-z360-proprietary
-- Which keys belong to this database, which token made which, and tokens of others that serve once. Only additions:
-- the program of the version before goes on beside it.

-- A keyed hash of a fixed text under each key that was ever used here: a key file of another system is told at once,
-- also where nothing is encrypted yet. It gives nothing of the key away. Keys that were replaced stay in the list.
create table secret_keys (
    key_id   text primary key check (key_id <> ''),
    proof    bytea not null unique check (octet_length(proof) = 32),
    added_at timestamptz not null default now()
);

-- The token by whose right this one was made: what a revoked token leaves behind can be found. No reference: tokens
-- are purged one by one.
alter table api_tokens add column issued_by bigint;
create index api_tokens_issued_by on api_tokens (issued_by) where issued_by is not null and revoked_at is null;

-- Identity tokens of others (Sign in with Apple) that have served: digests, until the token itself has ended.
create table used_identity_tokens (
    fingerprint text primary key check (length(fingerprint) = 64),
    until       timestamptz not null
);
create index used_identity_tokens_until on used_identity_tokens (until);
