// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/purge.hpp"

#include "adapter/postgres/params.hpp"
#include "adapter/postgres/transaction.hpp"

#include <array>

namespace z360::adapter::postgres {
namespace {

struct kind {
    const char* name;
    const char* sql; ///< $1 now, $2 how many
};

// What calls name stays: history points at it. Rows that somebody works on are left for the next time.
constexpr std::array<kind, 5> k_kinds{{
    {"purge_identities", R"sql(
delete from sip_identities where state = 'dead' and identity_id in (
    select i.identity_id from sip_identities i
     where i.state = 'dead' and coalesce(i.retired_at, i.created_at) < z360_at($1) - interval '30 days'
       and not exists (select from call_legs l where l.device_id = i.device_id and l.identity_id = i.identity_id)
     limit $2 for update skip locked))sql"},
    {"purge_devices", R"sql(
delete from devices where status = 'removed' and device_id in (
    select d.device_id from devices d
     where d.status = 'removed' and d.removed_at < z360_at($1) - interval '30 days'
       and not exists (select from call_legs l where l.device_id = d.device_id)
       and not exists (select from sip_identities i where i.device_id = d.device_id)
     limit $2 for update skip locked))sql"},
    {"purge_tokens", R"sql(
delete from api_tokens where token_id in (
    select token_id from api_tokens t
     where least(expires_at, revoked_at, used_at) < z360_at($1) - interval '30 days'
       and not exists (select from api_tokens made where made.issued_by = t.token_id and made.revoked_at is null
                                                      and made.expires_at > z360_at($1)) -- who made them is still asked
     limit $2 for update skip locked))sql"},
    {"purge_audit", R"sql(
delete from audit_events where seq in (
    select seq from audit_events where at < z360_at($1) - interval '400 days' limit $2))sql"},
    {"purge_leases", R"sql(
delete from leases where name in (
    select name from leases where held_until < z360_at($1) - interval '30 days' limit $2 for update skip locked))sql"
    },
}};

} // namespace

std::size_t purge(pqxx::connection_base& db, time_point now, std::size_t limit) {
    std::size_t gone = 0;
    for (const auto& k : k_kinds)
        gone += in_transaction(db, [&](pqxx::work& tx) -> std::size_t {
            return exec_in(tx, k.name, k.sql, in_ms(now), limit).affected_rows();
        });
    return gone;
}

} // namespace z360::adapter::postgres
