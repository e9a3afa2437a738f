// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/state_form3.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::wire {
namespace {

using json = nlohmann::json;

// What became of the one ring, by what followed it. Why nobody answered was in the timeline alone: the time
// was up as far as anybody cares now.
const char* what_became(const json& call) {
    const auto& joins = call.at("joins");
    const bool joined = std::any_of(joins.begin(), joins.end(), [](const json& j) {
        return j.contains("joined_at") && !j.at("joined_at").is_null();
    });
    if (joined) return "answered";
    if (call.at("voicemail").at("step") != "none") return "nobody_answered";
    return call.value("ended_at", json()).is_null() ? "none" : "call_over";
}

} // namespace

void from_form_3(json& call) {
    const auto deadline = std::exchange(call["ring_deadline"], json());
    if (call.at("routed").at("verdict") != "ring") { // refused: nobody was rung
        call["rings"] = json::array();
        return;
    }
    call["rings"] = {{{"began", call.at("began")}, {"deadline", deadline}, {"over", what_became(call)}}};
    for (auto& leg : call.at("legs"))
        leg["ring"] = 1;
}

} // namespace z360::wire
