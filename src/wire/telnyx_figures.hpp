// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Telnyx measures and charges: `call_quality_stats` of call.hangup, and the payload of call.cost.
#pragma once

#include <z360/call/figures.hpp>

#include <nlohmann/json.hpp>

#include <string_view>

namespace z360::wire {

/// At most 12 digits, perhaps a point and at most 12 more, perhaps a minus in front; else empty.
[[nodiscard]] call::decimal exact_decimal(std::string_view text);

/// Texts and numbers alike; what is missing, null or makes no sense is left out. `payload`: an event's.
[[nodiscard]] call::media_figures read_media_figures(const nlohmann::json& payload);
/// The same; without the time, which is the event's.
[[nodiscard]] call::charge read_charge(const nlohmann::json& payload);

} // namespace z360::wire
