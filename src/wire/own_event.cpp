// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/own_event.hpp"

#include <nlohmann/json.hpp>

namespace z360::wire {

std::optional<withdrawal> read_withdrawal(std::string_view body) {
    const auto j = nlohmann::json::parse(body, nullptr, false);
    if (!j.is_object()) return std::nullopt;
    const auto session = j.find("call_session_id");
    const auto devices = j.find("devices");
    if (session == j.end() || !session->is_string() || devices == j.end() || !devices->is_array())
        return std::nullopt;
    withdrawal w;
    w.call_session_id = session->get<std::string>();
    for (const auto& d : *devices) {
        if (!d.is_number_integer()) return std::nullopt;
        w.what.devices.push_back({d.get<std::int64_t>()});
    }
    return w;
}

} // namespace z360::wire
