// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A ring plan's member as the database gives it: {"user", "number", "asked", "wave", "delay", "turn"}. Throws
// what nlohmann::json throws where a key is missing.
#pragma once

#include <z360/call/plan.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace z360::wire {

[[nodiscard]] inline call::plan_member read_plan_member(const nlohmann::json& m) {
    call::plan_member out;
    if (!m.at("user").is_null()) out.who.user = {m.at("user").get<std::int64_t>()};
    if (!m.at("number").is_null()) out.who.number = m.at("number").get<std::string>();
    out.who.asked = m.at("asked").get<bool>();
    out.who.after = std::chrono::seconds{m.at("delay").get<int>()};
    if (!m.at("turn").is_null()) out.who.lasts = std::chrono::seconds{m.at("turn").get<int>()};
    out.wave = m.at("wave").get<std::uint32_t>();
    return out;
}

} // namespace z360::wire
