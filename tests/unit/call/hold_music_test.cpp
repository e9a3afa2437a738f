// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A feature that is a file pair and one line in the list, as docs/features.md tells it.
#include "call/parts.hpp"
#include "support/scenario.hpp"
#include "unit/call/hold_music.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

/// A call made of every part there is, and the music.
struct held_call : ::testing::Test {
    held_call() : parts(call::parts().begin(), call::parts().end()) {
        parts.push_back(&hold_music::k_component);
        s = call::begin(parts, sample_incoming(2), k_start).next;
        device = {control_id(1), s.legs.at(0).id};
        feed(leg_initiated{device});
        feed(leg_answered{device});
        feed(leg_answered{caller});
        feed(leg_bridged{device});
        feed(leg_bridged{caller});
        EXPECT_EQ(phase_of(s), phase::active);
        issued.clear();
    }
    void feed(const event& what) {
        now += millis{100};
        auto d = call::decide(parts, s, what, now, authority::newest);
        s = std::move(d.next);
        for (auto& e : d.effects)
            if (auto c = command_of(e)) issued.push_back(std::move(*c));
    }
    void hold(bool on, int at) { feed(leg_hold{device, on, k_start + std::chrono::seconds{at}}); }
    [[nodiscard]] std::vector<verb> verbs() const {
        std::vector<verb> out;
        for (const auto& c : issued)
            out.push_back(c.what());
        return out;
    }

    std::vector<const component*> parts;
    state s;
    time_point now = k_start;
    leg_ref device;
    leg_ref caller{"v3:caller", std::nullopt};
    std::vector<command> issued;
};

} // namespace

TEST_F(held_call, hears_music_once_and_silence_when_the_device_is_back) {
    hold(true, 10);
    hold(true, 10); // told twice
    ASSERT_EQ(verbs(), (std::vector{verb::playback_start}));
    EXPECT_EQ(issued.front().call_control_id, "v3:caller");
    hold(false, 20);
    EXPECT_EQ(verbs(), (std::vector{verb::playback_start, verb::playback_stop}));
    hold(true, 15); // an old one, late
    EXPECT_EQ(issued.size(), 2U);
    hold(true, 30);
    ASSERT_EQ(issued.size(), 3U);
    EXPECT_NE(issued.back().id, issued.front().id) << "another playing, not a repeat";
}

TEST_F(held_call, a_refused_sound_is_not_asked_for_again_and_harms_nothing) {
    hold(true, 10);
    ASSERT_EQ(issued.size(), 1U);
    command_outcome no;
    no.command_id = issued.front().id;
    no.what = verb::playback_start;
    no.who = caller;
    no.result = outcome::refused;
    feed(no);
    EXPECT_EQ(issued.size(), 1U);
    hold(false, 20);
    EXPECT_EQ(phase_of(s), phase::active);
    EXPECT_EQ(issued.size(), 1U) << "nothing plays: nothing to stop";
}

TEST_F(held_call, music_is_wanted_as_long_as_somebody_waits_and_no_longer) {
    hold(true, 10);
    ASSERT_EQ(issued.size(), 1U);
    const auto play = issued.front();
    EXPECT_TRUE(call::wanted(parts, s, play));
    EXPECT_FALSE(call::wanted(s, play)) << "the product does not have this part";
    feed(leg_hangup{caller, "normal_clearing"});
    EXPECT_TRUE(over(s));
    EXPECT_FALSE(call::wanted(parts, s, play));
    EXPECT_EQ(
        std::count_if(
            issued.begin(), issued.end(), [](const auto& c) { return c.what() == verb::playback_start; }
        ),
        1
    );
}

TEST_F(held_call, whatever_the_order_of_hold_and_return_the_end_is_the_same) {
    hold(false, 20);
    hold(true, 10);
    EXPECT_EQ(phase_of(s), phase::active);
    EXPECT_TRUE(issued.empty());
}

TEST_F(held_call, the_others_know_nothing_of_it) {
    auto without = s;
    hold(true, 10);
    without = call::decide(without, leg_hold{device, true, k_start + std::chrono::seconds{10}}, now).next;
    EXPECT_EQ(without.prompts.size() + 1, s.prompts.size());
    without.prompts = s.prompts;
    EXPECT_EQ(without, s);
}
