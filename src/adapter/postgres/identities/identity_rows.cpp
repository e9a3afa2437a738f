// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/identity_rows.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>

namespace z360::adapter::postgres {
namespace {

std::optional<time_point> at(const nlohmann::json& v) {
    if (v.is_null()) return std::nullopt;
    return time_point{millis{v.get<std::int64_t>()}};
}

} // namespace

identity_row read_identity(const nlohmann::json& row) {
    identity_row out;
    auto& i = out.identity;
    i.id = {row.at("id").get<std::int64_t>()};
    const auto phase = credential::identity_state_of(row.at("state").get<std::string>());
    if (!phase) throw std::runtime_error("sip_identities: a state that this program does not know");
    i.now_in = *phase;
    i.version = row.at("version").get<int>();
    out.names.telnyx_id = row.at("telnyx_id").get<std::string>();
    out.names.sip_username = row.at("sip_username").get<std::string>();
    out.names.connection_id = row.at("connection_id").get<std::string>();
    out.names.key = uuid::parse(row.at("key").get<std::string>()).value_or(uuid{});
    i.at_carrier = !out.names.telnyx_id.empty();
    i.created_at = at(row.at("created")).value_or(time_point{});
    i.activated_at = at(row.at("activated"));
    i.expires_at = at(row.at("expires"));
    i.delivered_at = at(row.at("delivered"));
    i.proved_at = at(row.at("proved"));
    i.superseded_at = at(row.at("superseded"));
    i.asked_at = at(row.at("asked"));
    i.failures = row.at("failures").get<unsigned>();
    i.retry_at = at(row.at("retry"));
    return out;
}

std::vector<identity_row> read_identities(const nlohmann::json& list) {
    std::vector<identity_row> out;
    out.reserve(list.size());
    for (const auto& row : list)
        out.push_back(read_identity(row));
    return out;
}

} // namespace z360::adapter::postgres
