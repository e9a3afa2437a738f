// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/api.hpp"

#include "edge/api/guard.hpp"
#include "edge/api/route_tables.hpp"

#include <memory>
#include <utility>

namespace z360::edge::api {

std::vector<entry> all_entries() {
    std::vector<entry> out;
    for (const auto part :
         {device_entries,    credential_entries, disturbance_entries,  call_entries,
          request_entries,   report_entries,     record_entries,       tenant_entries,
          number_entries,    routing_entries,    outbound_entries,     agent_entries,
          ring_plan_entries, recording_entries,  conversation_entries, voicemail_box_entries,
          operator_entries,  event_entries,      push_entries,         notification_entries,
          sign_in_entries,   document_entries})
        for (const auto& e : part())
            out.push_back(e);
    return out;
}

std::vector<http::route> api_routes(api_ports ports) {
    // Alarms count from zero, also where the thing they are about is not configured.
    ports.metrics.count("api_auth_failures_total", {{"code", "token_unknown"}}, 0);
    ports.metrics.count("api_rate_limited_total", {{"class", "address"}}, 0);
    ports.metrics.count("api_unavailable_total", {}, 0);
    ports.metrics.count("recording_copies_missing_total", {}, 0);
    ports.metrics.count("agent_references_redeemed_total", {}, 0);
    ports.metrics.count("introspection_total", {{"result", "unavailable"}}, 0);
    count_requests_from_zero(ports.metrics);
    count_reports_from_zero(ports.metrics);
    const auto entries = all_entries();
    return guarded(std::make_shared<api_context>(ports), entries);
}

} // namespace z360::edge::api
