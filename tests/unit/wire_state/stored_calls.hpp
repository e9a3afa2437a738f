// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as programs before this one stored them, and what those programs made of each when something
// happened.
#pragma once

#include "support/scenario.hpp"

#include <z360/call/decide.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <variant>

namespace z360::testing {

inline const time_point k_call_began{millis{1'800'000'000'000}};

inline nlohmann::json stored_calls(const std::string& form) {
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/tests/fixtures/calls/" + form + ".json");
    return nlohmann::json::parse(in);
}

/// Where the call stands after it, which commands are sent (what waits for one of them is not), and whether
/// the carrier is asked.
inline std::string shown(const call::decision& d) {
    std::string text(name(phase_of(d.next)));
    for (const auto& f : d.effects) {
        if (const auto* e = std::get_if<call::effect>(&f); e != nullptr && e->after) continue;
        if (const auto c = call::command_of(f)) text += " " + std::string(name(c->what())) + ":" + c->id;
        if (std::holds_alternative<call::inquiry>(f)) text += " ask";
    }
    return text;
}

/// What happens to device `n`, by its word in the stored files.
inline std::string happens_to_device(const call::state& s, const std::string& word, int n) {
    using namespace call;
    const auto soon = k_call_began + millis{1};
    leg_ref who{control_id(n), std::nullopt};
    for (const auto& l : s.legs)
        if (l.device() == device_id{n}) who.leg = l.id;
    if (word == "answered") return shown(decide(s, leg_answered{who}, soon));
    if (word == "bridged") return shown(decide(s, leg_bridged{who}, soon));
    if (word == "left") return shown(decide(s, leg_hangup{who, "normal_clearing"}, soon));
    if (word == "unhold") return shown(decide(s, leg_hold{who, false, k_call_began + millis{9}}, soon));
    if (word == "withdrawn") return shown(decide(s, ring_withdrawn{{device_id{n}}}, soon));
    if (word == "declined")
        return shown(decide(
            s, device_asks{request_kind::decline, "request-9", device_id{n}, k_call_began + millis{40'000}},
            soon
        ));
    command_outcome bridge;
    bridge.what = verb::bridge;
    bridge.who = who;
    bridge.command_id = who.leg.value().text() + "-bridge-" + std::to_string(std::max(s.epoch, 1U));
    if (word == "accepted")
        bridge.result = outcome::done;
    else if (word == "refused")
        bridge.result = outcome::refused;
    else if (word == "gone")
        bridge.result = outcome::peer_gone;
    else
        return "unknown word " + word;
    return shown(decide(s, bridge, soon));
}

/// The events whose consequences were stored beside each call, by their names there. `due`: its deadline.
inline std::string happens(const call::state& s, const std::string& what, std::optional<time_point> due) {
    using namespace call;
    const leg_ref caller{"v3:caller", std::nullopt};
    const auto soon = k_call_began + millis{1};
    const auto later = k_call_began + millis{40'000};
    const auto by_time = [&](authority may) { return shown(decide(s, tick{}, due.value_or(later), may)); };
    const auto speech = [&](bool spoken) {
        return shown(decide(s, prompt_ended{caller, false, spoken, later}, later, authority::unproven));
    };
    if (what == "tick") return by_time(authority::newest);
    if (what == "tick_unproven") return by_time(authority::unproven);
    if (what == "speech_ended") return speech(true);
    if (what == "audio_ended") return speech(false);
    if (what == "caller_left") return shown(decide(s, leg_hangup{caller, "normal_clearing"}, soon));
    if (what == "caller_bridged") return shown(decide(s, leg_bridged{caller}, soon));
    if (what == "recorded")
        return shown(decide(s, recording_saved{caller, "rec-9", "https://example.test/rec-9.mp3"}, soon));
    if (what == "told") return shown(decide(s, carrier_told{s.asked, true}, soon));
    const auto at = what.find('_');
    return happens_to_device(s, what.substr(0, at), std::stoi(what.substr(at + 1)));
}

} // namespace z360::testing
