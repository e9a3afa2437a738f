// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/leg_event.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

std::string body(const char* type, const leg_event& e, json payload) {
    payload["call_control_id"] = e.call_control_id;
    payload["call_session_id"] = e.call_session_id;
    if (!e.client_state.empty()) payload["client_state"] = e.client_state;
    const json data{
        {"record_type", "event"},
        {"id", e.event_id},
        {"event_type", type},
        {"occurred_at", iso8601(e.at)},
        {"payload", std::move(payload)},
    };
    return json{{"data", data}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string hangup_body(const leg_event& e) {
    return body("call.hangup", e, {{"hangup_cause", "unspecified"}, {"hangup_source", "unknown"}});
}

std::string initiated_body(const leg_event& e) {
    return body("call.initiated", e, {{"direction", "outgoing"}});
}

} // namespace z360::wire
