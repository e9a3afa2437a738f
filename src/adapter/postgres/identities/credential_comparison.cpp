// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/credential_comparison.hpp"

#include "adapter/postgres/params.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <utility>

namespace z360::adapter::postgres {
using port::known_identity;
namespace {

#define Z360_KNOWN                                                                                           \
    "select i.identity_id, coalesce(i.device_id, 0), coalesce(i.telnyx_credential_id, ''), i.key, i.state, " \
    "z360_ms(i.expires_at) from sip_identities i "
// A credential that somebody made by hand and entered by its SIP user alone (--add-device) has no id of
// Telnyx here: whether it is still there cannot be told from their list.
constexpr const char* k_known =
    Z360_KNOWN "where i.identity_id > $1 and i.state <> 'dead' and coalesce(i.telnyx_credential_id, '') not "
               "like 'manual-%' order by i.identity_id limit $2";
constexpr const char* k_lookup =
    Z360_KNOWN "where i.state <> 'dead' and i.identity_id in (select identity_id from sip_identities where "
               "telnyx_credential_id = any($1::text[]) union select identity_id from sip_identities where "
               "key = any($2::text[]::uuid[])) order by i.identity_id";
constexpr const char* k_checked =
    "update sip_identities set last_checked_at = z360_at($2) where identity_id = any($1::bigint[])";

constexpr const char* k_installed =
    "select id, array_to_json(adopted)::text, z360_ms(unmarked_until) from installation";
constexpr const char* k_adopt = R"sql(
update installation
   set adopted = array(select distinct x from unnest(adopted || $1::text[]::uuid[]) x where x <> id order by x),
       unmarked_until = greatest(unmarked_until, z360_at($2)))sql";

std::vector<known_identity> known_of(const pqxx::result& rows) {
    std::vector<known_identity> out;
    for (const auto& r : rows) {
        known_identity k;
        k.id = {r[0].as<std::int64_t>()};
        k.device = {r[1].as<std::int64_t>()};
        k.telnyx_id = r[2].c_str();
        k.key = uuid::parse(r[3].c_str()).value_or(uuid{});
        k.now_in = credential::identity_state_of(r[4].c_str()).value_or(credential::identity_state::retiring);
        k.expires_at = time_or_null(r[5]);
        out.push_back(std::move(k));
    }
    return out;
}

} // namespace

std::vector<known_identity> read_known(pqxx::connection_base& db, identity_id after, std::size_t limit) {
    return known_of(exec_once(db, "credential_known", k_known, after.value, limit));
}

std::vector<known_identity> find_known(
    pqxx::connection_base& db, const std::vector<std::string>& telnyx_ids, const std::vector<uuid>& keys
) {
    std::vector<std::string> ids, names;
    for (const auto& t : telnyx_ids)
        ids.push_back(storable(t));
    for (const auto& k : keys)
        names.push_back(k.text());
    return known_of(exec_once(db, "credential_lookup", k_lookup, text_array(ids), text_array(names)));
}

void mark_checked(pqxx::connection_base& db, const std::vector<identity_id>& seen, time_point now) {
    exec_once(db, "credential_checked", k_checked, key_array(seen), in_ms(now));
}

port::installation read_installation(pqxx::connection_base& db) {
    const auto r = exec_once(db, "installation", k_installed);
    if (r.empty()) throw std::runtime_error("the table installation is empty: restore its row from a backup");
    port::installation out;
    out.id = uuid::parse(r[0][0].c_str()).value_or(uuid{});
    for (const auto& other : nlohmann::json::parse(r[0][1].c_str()))
        if (const auto id = uuid::parse(other.get<std::string>())) out.adopted.push_back(*id);
    out.unmarked_until = time_or_null(r[0][2]);
    return out;
}

void adopt_installations(pqxx::connection_base& db, const std::vector<uuid>& others, time_point now) {
    std::vector<std::string> ids;
    for (const auto& o : others)
        ids.push_back(o.text());
    exec_once(db, "installation_adopt", k_adopt, text_array(ids), in_ms(now));
}

} // namespace z360::adapter::postgres
