// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/related_devices.hpp"

#include "adapter/postgres/params.hpp"

#include <string_view>

namespace z360::adapter::postgres {
namespace {

// Every device that this registration may concern: $1 person, $2 their device ids that are named, $3 devices
// whose bearer is there, $4 hashes of the push tokens.
constexpr const char* k_related = R"sql(
select device_id, user_id, device_uid, platform, status, z360_ms(push_issued_at), z360_ms(voip_issued_at),
       push_token_hash, voip_token_hash, coalesce(bound_org_id, 0), z360_device_busy(device_id)
  from devices
 where (user_id = $1 and device_uid = any($2::text[])) or device_id = any($3::bigint[])
    or push_token_hash = any($4::bytea[]) or voip_token_hash = any($4::bytea[])
 order by device_id for update)sql";

} // namespace

std::vector<related_device> lock_related(
    pqxx::transaction_base& tx, user_id person, const std::vector<std::string>& uids,
    const std::vector<device_id>& proved, const std::vector<std::string>& hashes
) {
    const std::vector<std::string_view> raw(hashes.begin(), hashes.end());
    std::vector<related_device> out;
    for (const auto& r : exec_in(
             tx, "devices_related", k_related, person.value, text_array(uids), key_array(proved),
             bytea_array(raw)
         ))
        out.push_back(
            {{r[0].as<std::int64_t>()},
             {r[1].as<std::int64_t>()},
             r[2].c_str(),
             r[3].c_str(),
             r[4].c_str(),
             {time_or_null(r[5]), time_or_null(r[6])},
             bytes_of(r[7]),
             bytes_of(r[8]),
             {r[9].as<std::int64_t>()},
             r[10].as<bool>()}
        );
    return out;
}

} // namespace z360::adapter::postgres
