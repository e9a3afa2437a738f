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
    /// The greeting is audio and plays; of a ringback that another copy of the call has had played it is
    /// heard then.
    void greets_over_a_foreign_ringback() {
        issued.clear();
        auto what = sample_incoming(1);
        what.routed.rules.ringback_url = "https://example.test/ringback.mp3";
        what.routed.rules.voicemail_greeting_url = "https://example.test/greeting.mp3";
        begins(std::move(what));
        feed(leg_hangup{device(), "user_busy"});
        command_outcome done;
        done.who = k_caller;
        done.what = verb::answer;
        done.command_id = s.id.text() + "-answer-voicemail";
        feed(done);
        ASSERT_EQ(count(verb::playback_start), 1);
        done.what = verb::playback_start;
        done.command_id = s.id.text() + "-ringback-1";
        feed(done);
        ASSERT_EQ(s.prompts.size(), 2U);
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

// A ringback of another copy plays beside the greeting: both end in one millisecond, in two reports that may
// bear the mark of either.
TEST_F(sounds, i_09_two_sounds_that_end_together_are_two_ends) {
    for (const auto* mark : {"", "-greeting-audio", "-ringback-1"}) {
        greets_over_a_foreign_ringback();
        prompt_ended e;
        e.who = k_caller;
        e.spoken = false;
        e.at = now;
        e.report = "one";
        if (*mark != 0) e.command_id = s.id.text() + mark;
        feed(e);
        feed(e); // told again
        EXPECT_EQ(count(verb::record_start), 0) << mark;
        e.report = "two";
        feed(e);
        EXPECT_EQ(count(verb::record_start), 1) << "the greeting is over; " << mark;
        EXPECT_EQ(s.prompt_ends.size(), 2U);
        e.report.clear(); // as an earlier program tells it
        feed(e);
        EXPECT_EQ(s.prompt_ends.size(), 2U);
    }
}

TEST_F(sounds, i_09_the_end_of_the_greeting_is_known_by_its_address_whatever_mark_it_bears) {
    greets_over_a_foreign_ringback();
    prompt_ended e;
    e.who = k_caller;
    e.spoken = false;
    e.command_id = s.id.text() + "-ringback-1";
    e.audio = s.routed.rules.ringback_url;
    e.at = now;
    e.report = "one";
    feed(e);
    EXPECT_EQ(count(verb::record_start), 0);
    e.audio = s.routed.rules.voicemail_greeting_url;
    e.report = "two";
    feed(e);
    EXPECT_EQ(count(verb::record_start), 1);
}

// A sound waits for the one before it, and a ringback has no end.
TEST_F(sounds, be_26_a_greeting_that_is_audio_takes_the_place_of_the_ringback) {
    auto what = sample_incoming(1);
    what.routed.rules.ringback_url = "https://example.test/ringback.mp3";
    what.routed.rules.voicemail_greeting_url = "https://example.test/greeting.mp3";
    begins(std::move(what));
    feed(leg_answered{k_caller});
    ASSERT_EQ(count(verb::playback_start), 1);
    EXPECT_FALSE(std::get<playback_start_body>(issued.back().body).instead);
    feed(leg_hangup{device(), "user_busy"});
    ASSERT_EQ(count(verb::playback_start), 2);
    EXPECT_TRUE(std::get<playback_start_body>(issued.back().body).instead);
}

TEST_F(sounds, be_26_the_end_of_an_earlier_sound_is_not_the_greetings) {
    greets_over_a_foreign_ringback();
    prompt_ended e;
    e.who = k_caller;
    e.spoken = false;
    e.command_id = s.id.text() + "-ringback-1";
    e.report = "one";
    e.at = now;
    feed(e);
    EXPECT_EQ(count(verb::record_start), 0);
}
