// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has heard of a leg, and what it charges for it.
#include "sim/carrier.hpp"

#include <cstdio>
#include <utility>

namespace z360::sim {
namespace {

constexpr std::int64_t k_packet_ms = 20;
constexpr std::int64_t k_minute_ms = 60'000;
constexpr std::int64_t k_trunk_rate = 50;   // ten thousandths of a dollar, each begun minute
constexpr std::int64_t k_control_rate = 18; // likewise

std::string dollars(std::int64_t ten_thousandths) {
    char text[32];
    (void)std::snprintf(
        text, sizeof text, "%lld.%04lld", static_cast<long long>(ten_thousandths / 10'000),
        static_cast<long long>(ten_thousandths % 10'000)
    );
    return text;
}

} // namespace

// Everything is a text, as Telnyx writes it; nothing at all of a leg that was never answered.
json carrier::quality_of(const leg_state& l) const {
    if (!settings_.tells_quality || !l.view.answered_at || !l.view.ended_at) return nullptr;
    const auto sent = (*l.view.ended_at - *l.view.answered_at).count() / k_packet_ms;
    const auto heard = l.behaviour.mute ? 0 : sent;
    json in{
        {"jitter_max_variance", "2.74"},
        {"jitter_packet_count", "0"},
        {"packet_count", std::to_string(heard)},
        {"skip_packet_count", std::to_string(heard / 100)},
    };
    if (heard > 0) in["mos"] = "4.50";
    return json{
        {"inbound", std::move(in)},
        {"outbound", {{"packet_count", std::to_string(sent)}, {"skip_packet_count", "0"}}},
    };
}

// Once the account asks for it. A leg that was never answered costs nothing, and is told of all the same.
void carrier::tell_cost(const leg_state& l, time_point now) {
    if (!settings_.tells_costs) return;
    const auto talk = l.view.answered_at ? (now - *l.view.answered_at).count() : 0;
    const auto minutes = l.view.answered_at ? talk / k_minute_ms + 1 : 0;
    json parts = json::array();
    for (const auto& [part, rate] :
         {std::pair{"sip-trunking", k_trunk_rate}, std::pair{"call-control", k_control_rate}})
        parts.push_back(
            {{"billed_duration_secs", minutes * 60},
             {"call_part", part},
             {"cost", dollars(rate * minutes)},
             {"currency", "USD"},
             {"rate", dollars(rate)}}
        );
    json extra{
        {"billed_duration_secs", minutes * 60},
        {"billing_group_id", nullptr},
        {"cost_parts", std::move(parts)},
        {"status", "success"},
        {"total_cost", dollars((k_trunk_rate + k_control_rate) * minutes)},
    };
    emit(l, "call.cost", std::move(extra), now, settings_.cost_delay);
}

} // namespace z360::sim
