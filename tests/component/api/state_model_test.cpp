// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bed.hpp"
#include "edge/api/state_model.hpp"
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>

#include <random>
#include <set>

using namespace z360;
using namespace z360::test;
using namespace z360::call;

namespace {

std::set<std::pair<std::string, std::string>> published() {
    std::set<std::pair<std::string, std::string>> out;
    const auto model = edge::api::state_model();
    for (const auto& [from, next] : model["transitions"].items())
        for (const auto& to : next)
            out.emplace(from, to);
    return out;
}

/// Any event, about the caller or one of the legs that exist.
event some_event(const state& s, std::mt19937& dice) {
    const auto roll = [&dice](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(dice);
    };
    leg_ref who{s.caller.call_control_id, std::nullopt};
    if (!s.legs.empty() && roll(3) != 0) {
        const auto& leg = s.legs[roll(s.legs.size())];
        who = {leg.call_control_id.empty() ? "v3:" + leg.id.text() : leg.call_control_id, leg.id};
    }
    switch (roll(10)) {
    case 0: return leg_initiated{who};
    case 1: return leg_answered{who};
    case 2:
    case 3: return leg_bridged{who};
    case 4: return leg_hangup{who, "normal_clearing"};
    case 5: return leg_hold{who, roll(2) == 0, s.began + millis{static_cast<int>(roll(100'000))}};
    case 6: return prompt_ended{who, false};
    case 7: return recording_saved{who, "rec", "https://example.test/x"};
    case 8: return digits_gathered{who, roll(2) == 0 ? "1" : ""};
    default: return tick{};
    }
}

} // namespace

class api_state_model : public bed {};

TEST_F(api_state_model, state_01_it_names_the_cores_states_and_needs_no_credential) {
    const auto r = send("GET", "/api/voip/state-model");
    ASSERT_EQ(r.status, 200);
    ASSERT_EQ(r.data()["states"].size(), static_cast<std::size_t>(k_phase_count));
    EXPECT_EQ(r.data()["states"][0], "ringing");
    EXPECT_EQ(r.data()["states"][8], "ended");
    EXPECT_EQ(r.data()["client_states"].size(), 15U);
    EXPECT_EQ(r.data()["device_states"].size(), 5U);
}

TEST_F(api_state_model, state_01_the_core_makes_no_transition_that_is_not_published) {
    const auto legal = published();
    std::set<std::pair<std::string, std::string>> seen;
    for (unsigned seed = 0; seed < 4'000; ++seed) {
        std::mt19937 dice(seed);
        auto now = *parse_iso8601("2026-01-01T00:00:00Z");
        auto first = z360::testing::sample_incoming(static_cast<int>(seed % 4));
        if (seed % 3 == 0) first.routed.mobile = "+15550107777";
        auto s = begin(first, now).next;
        for (int i = 0; i < 60; ++i) {
            now += millis{std::uniform_int_distribution<int>(0, 4'000)(dice)};
            auto next = decide(s, some_event(s, dice), now).next;
            if (phase_of(next) != phase_of(s)) seen.emplace(name(phase_of(s)), name(phase_of(next)));
            s = std::move(next);
        }
    }
    for (const auto& [from, to] : seen)
        EXPECT_TRUE(legal.contains({from, to})) << from << " -> " << to;
    EXPECT_GT(seen.size(), 10U);
}
