// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that the program before form 2 stored, in every situation of a call, and what that program made of
// each when something happened: read by this one they stand where they stood and go on as they would have.
#include "support/scenario.hpp"
#include "wire/state_codec.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <variant>
#include <vector>

using namespace z360;
using namespace z360::call;
using nlohmann::json;

namespace {

const time_point k_began{millis{1'800'000'000'000}};

std::string shown(const decision& d) {
    std::string text(name(phase_of(d.next)));
    for (const auto& f : d.effects) {
        if (const auto* c = std::get_if<command>(&f))
            text += " " + std::string(name(c->what())) + ":" + c->id;
        if (std::holds_alternative<inquiry>(f)) text += " ask";
    }
    return text;
}

/// The events whose consequences were stored beside each call, by their names there.
std::string happens(const state& s, const std::string& what, std::optional<time_point> due) {
    const leg_ref caller{"v3:caller", std::nullopt};
    const auto soon = k_began + millis{1};
    const auto later = k_began + millis{40'000};
    const auto by_time = [&](authority may) { return shown(decide(s, tick{}, due.value_or(later), may)); };
    const auto speech = [&](bool spoken) {
        return shown(decide(s, prompt_ended{caller, false, false, spoken, later}, later, authority::unproven)
        );
    };
    if (what == "tick") return by_time(authority::newest);
    if (what == "tick_unproven") return by_time(authority::unproven);
    if (what == "speech_ended") return speech(true);
    if (what == "audio_ended") return speech(false);
    if (what == "caller_left") return shown(decide(s, leg_hangup{caller, "normal_clearing", "caller"}, soon));
    if (what == "caller_bridged") return shown(decide(s, leg_bridged{caller}, soon));
    if (what == "recorded")
        return shown(decide(s, recording_saved{caller, "rec-9", "https://example.test/rec-9.mp3"}, soon));
    if (what == "told") return shown(decide(s, carrier_told{s.asked, true}, soon));
    const auto at = what.find('_');
    const int n = std::stoi(what.substr(at + 1));
    leg_ref who{z360::testing::control_id(n), std::nullopt};
    for (const auto& l : s.legs)
        if (l.to.device == device_id{n}) who.leg = l.id;
    const auto word = what.substr(0, at);
    if (word == "answered") return shown(decide(s, leg_answered{who}, soon));
    if (word == "bridged") return shown(decide(s, leg_bridged{who}, soon));
    if (word == "left") return shown(decide(s, leg_hangup{who, "normal_clearing", ""}, soon));
    if (word == "unhold") return shown(decide(s, leg_hold{who, false, k_began + millis{9}}, soon));
    return "?";
}

json stored() {
    std::ifstream in(std::string(Z360_SOURCE_DIR) + "/tests/fixtures/calls/form1.json");
    return json::parse(in);
}

} // namespace

TEST(state_form_1, i_20_a_call_of_the_previous_program_stands_where_it_stood_and_goes_on) {
    const auto calls = stored();
    ASSERT_GT(calls.size(), 20U);
    for (const auto& one : calls) {
        SCOPED_TRACE(one["name"].get<std::string>());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        EXPECT_EQ(name(phase_of(*s)), one["call"]["phase"].get<std::string>());
        EXPECT_EQ(broken_invariant(*s), nullptr);
        std::optional<time_point> due;
        if (one.contains("deadline")) due = time_point{millis{one["deadline"].get<std::int64_t>()}};
        EXPECT_EQ(deadline(*s), due);
        for (const auto& [what, then] : one["then"].items())
            EXPECT_EQ(happens(*s, what, due), then.get<std::string>()) << what;
    }
}

TEST(state_form_1, i_20_once_written_by_this_program_it_is_of_this_form) {
    for (const auto& one : stored()) {
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto again = json::parse(wire::encode(*s));
        EXPECT_EQ(again["v"], wire::k_state_version);
        EXPECT_FALSE(again.contains("phase"));
        const auto back = wire::decode_state(again.dump());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, *s);
    }
}

TEST(state_form_1, a_damaged_call_is_refused_not_guessed) {
    auto j = stored().at(0)["call"];
    ASSERT_TRUE(wire::decode_state(j.dump()));
    for (const char* key : {"bridge", "legs", "twins", "caller"}) {
        auto damaged = j;
        damaged[key] = 7;
        EXPECT_FALSE(wire::decode_state(damaged.dump())) << key;
    }
}
