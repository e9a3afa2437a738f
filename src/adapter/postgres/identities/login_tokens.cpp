// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/login_tokens.hpp"

#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/params.hpp"

#include <z360/log.hpp>

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_jwt = "sip_identities.jwt";

// $1 device, $2 claim. Of two nodes one updates the row; the other's condition is then looked at again.
constexpr const char* k_token = R"sql(
with mine as (
    select i.identity_id, i.telnyx_credential_id, i.jwt, i.jwt_key_id, i.jwt_minted_at, i.jwt_expires_at
      from sip_identities i join devices d on d.device_id = i.device_id
     where i.device_id = $1 and i.state = 'active' and )sql" Z360_ENTITLED R"sql(
), won as (
    update sip_identities i set jwt_claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
      from mine m where i.identity_id = m.identity_id and $2::bigint > 0
       and (i.jwt_claimed_until is null or i.jwt_claimed_until <= clock_timestamp())
    returning i.identity_id
)
select m.identity_id, m.telnyx_credential_id, m.jwt, m.jwt_key_id, z360_ms(m.jwt_minted_at),
       z360_ms(m.jwt_expires_at), exists (select from won) from mine m)sql";

constexpr const char* k_store_token = R"sql(
update sip_identities
   set jwt = $2::bytea, jwt_key_id = $3, jwt_minted_at = z360_at($4),
       jwt_expires_at = z360_at(nullif($5, '')::bigint), jwt_claimed_until = null
 where identity_id = $1 and state = 'active')sql";
constexpr const char* k_unclaim_token =
    "update sip_identities set jwt_claimed_until = null where identity_id = $1";

} // namespace

std::optional<port::cached_token>
read_login_token(pqxx::connection_base& db, const crypto::vault& keys, device_id d, millis claim) {
    const auto rows = exec_once(db, "credential_token", k_token, d.value, claim.count());
    if (rows.empty()) return std::nullopt;
    const auto& r = rows[0];
    port::cached_token out;
    out.identity = {r[0].as<std::int64_t>()};
    out.telnyx_id = r[1].c_str();
    out.claimed = r[6].as<bool>();
    if (r[2].is_null()) return out;
    auto jwt = keys.open_sealed({r[3].c_str(), bytes_of(r[2])}, crypto::place(k_jwt, out.identity.value));
    if (!jwt) {
        // Nothing is lost: a new one is minted.
        log::warn("secret_does_not_open", {{"identity_id", out.identity.value}, {"key_id", r[3].c_str()}});
        return out;
    }
    out.token = port::carrier_token{std::move(*jwt), time_or_null(r[5])};
    out.minted_at = time_or_null(r[4]);
    return out;
}

void write_login_token(
    pqxx::connection_base& db, const crypto::vault& keys, identity_id i,
    const std::optional<port::carrier_token>& minted, time_point now
) {
    if (!minted) {
        exec_once(db, "credential_unclaim_token", k_unclaim_token, i.value);
        return;
    }
    const auto box = keys.seal(minted->jwt, crypto::place(k_jwt, i.value));
    exec_once(
        db, "credential_store_token", k_store_token, i.value, pqxx::binarystring(box.bytes), box.key_id,
        in_ms(now), ms_or_empty(minted->expires_at)
    );
}

} // namespace z360::adapter::postgres
