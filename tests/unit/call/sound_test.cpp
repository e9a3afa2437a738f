// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What callers hear where audio cannot be played, and what is made of recordings.
#include "support/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};
const leg_ref k_caller{"v3:caller", std::nullopt};

struct sounds : ::testing::Test {
    void begins(incoming what) { s = call::begin(std::move(what), k_start).next; }
    void feed(const event& what) {
        now += millis{100};
        auto d = decide(s, what, now);
        s = std::move(d.next);
        for (auto& e : d.effects)
            if (auto c = command_of(e)) issued.push_back(std::move(*c));
    }
    void audio_fails(const std::string& mark = {}) {
        prompt_ended e;
        e.who = k_caller;
        e.spoken = false;
        e.failed = true;
        e.command_id = mark;
        e.at = now;
        feed(e);
    }
    [[nodiscard]] long count(verb v) const {
        return std::count_if(issued.begin(), issued.end(), [v](const auto& c) { return c.what() == v; });
    }
    leg_ref device() const { return {control_id(1), s.legs.at(0).id}; }

    state s;
    time_point now = k_start;
    std::vector<command> issued;
};

} // namespace

TEST_F(sounds, be_26_a_ringback_that_cannot_be_played_is_spoken_from_then_on) {
    auto what = sample_incoming(2);
    what.routed.rules.ringback_url = "https://example.test/not-there.mp3";
    begins(std::move(what));
    feed(leg_answered{k_caller});
    ASSERT_EQ(count(verb::playback_start), 1);
    for (int i = 0; i < 3; ++i)
        audio_fails();
    EXPECT_EQ(count(verb::playback_start), 1);
    EXPECT_EQ(count(verb::speak), 1);
}

TEST_F(sounds, be_26_a_greeting_that_cannot_be_played_is_said_at_once_also_where_a_ringbacks_end_was_lost) {
    auto what = sample_incoming(1);
    what.routed.rules.ringback_url = "https://example.test/ringback.mp3";
    what.routed.rules.voicemail_greeting_url = "https://example.test/not-there.mp3";
    begins(std::move(what));
    feed(leg_answered{k_caller});
    feed(leg_hangup{device(), "user_busy"});
    ASSERT_EQ(count(verb::playback_start), 2);
    ASSERT_EQ(s.voicemail.step, voicemail_step::greeting);
    audio_fails(issued.back().id);
    EXPECT_EQ(count(verb::speak), 1);
    EXPECT_EQ(count(verb::record_start), 0);
}

TEST_F(sounds, i_17_what_was_recorded_of_a_talk_on_the_callers_leg_is_nobodys_message) {
    begins(sample_incoming(1));
    feed(leg_initiated{device()});
    feed(leg_answered{device()});
    feed(leg_answered{k_caller});
    feed(leg_bridged{device()});
    feed(leg_bridged{k_caller});
    ASSERT_EQ(phase_of(s), phase::active);
    feed(leg_hangup{k_caller, "normal_clearing"});
    feed(recording_saved{k_caller, "rec-1", "https://example.test/x"}); // the mark of the other leg, late
    ASSERT_EQ(s.recordings.size(), 1U);
    EXPECT_EQ(purpose_of(s, s.recordings[0]), recording_purpose::talk);
}

TEST_F(sounds, be_26_what_is_recorded_of_a_caller_whom_nobody_answers_is_a_message) {
    begins(sample_incoming(1));
    feed(recording_saved{k_caller, "rec-1", "https://example.test/x"});
    EXPECT_EQ(purpose_of(s, s.recordings.at(0)), recording_purpose::message);
}
