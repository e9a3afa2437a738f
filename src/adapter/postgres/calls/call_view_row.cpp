// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The state is the stored snapshot, never put together from columns.
#include "adapter/postgres/calls/call_view_row.hpp"

#include "wire/state_codec.hpp"

#include <z360/log.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {

const char* const k_call_view = R"sql(
select c.call_id, c.snapshot::text, c.version, c.changed::text, coalesce(c.org_id, 0), coalesce(o.name, ''),
       coalesce(o.slug, ''), coalesce(o.status, ''), coalesce(m.role, ''), coalesce(n.e164, ''),
       coalesce((select x.e164 from phone_numbers x where x.org_id = c.org_id and x.is_default_caller_id), ''),
       coalesce((select json_agg(json_build_array(d.device_id, d.device_uid) order by d.device_id)
                   from devices d
                  where d.device_id in (select l.device_id from call_legs l where l.call_id = c.call_id)),
                '[]')::text
  from calls c
  left join organizations o on o.org_id = c.org_id
  left join memberships m on m.org_id = c.org_id and m.user_id = c.user_id
  left join phone_numbers n on n.org_id = c.org_id and n.phone_number_id = c.phone_number_id
 where )sql";

std::optional<port::call_view> read_call_view(const pqxx::row& r) {
    auto state = wire::decode_state(r[1].c_str());
    if (!state) { // of a newer server, while both run
        log::error("call_unreadable", {{"call_uuid", r[0].c_str()}});
        return std::nullopt;
    }
    port::call_view v;
    v.state = std::move(*state);
    v.version = r[2].as<std::uint64_t>();
    v.position = r[3].as<std::uint64_t>();
    v.org.id = {r[4].as<std::int64_t>()};
    v.org.name = r[5].c_str();
    v.org.slug = r[6].c_str();
    v.org.status = r[7].c_str();
    v.org.role = r[8].c_str();
    v.channel_number = r[9].c_str();
    v.org.default_caller_id = r[10].c_str();
    if (v.channel_number.empty()) v.channel_number = v.state.routed.number_e164;
    for (const auto& d : nlohmann::json::parse(r[11].c_str()))
        v.device_uids.emplace_back(device_id{d.at(0).get<std::int64_t>()}, d.at(1).get<std::string>());
    return v;
}

} // namespace z360::adapter::postgres
