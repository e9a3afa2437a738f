// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that programs before this one stored, in every situation of a call, and what those programs made of
// each when something happened: read by this one they stand where they stood and go on as they would have.
#include "stored_calls.hpp"
#include "wire/state_codec.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

using namespace z360;
using namespace z360::call;
using nlohmann::json;

namespace {

struct stored_form : ::testing::TestWithParam<int> {
    [[nodiscard]] static json stored() {
        return z360::testing::stored_calls("form" + std::to_string(GetParam()));
    }
};

// What this program does otherwise than those before it: another copy of the call may have joined the leg, so
// the carrier is asked about it, and once more after news of it, before it is hung up (I21).
struct changed {
    std::string_view call;
    std::string_view event;
    std::string_view then;
};
constexpr changed k_changed[] = {
    {"i21_dial_given_up_here_was_sent_elsewhere 7000 outcome dial d1 superseded deadline", "accepted_1",
     "ringing ask"},
    {"i21_dial_given_up_here_was_sent_elsewhere 7100 bridged d1", "gone_1",
     "voicemail answer:0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00-answer-voicemail ask"},
    {"i21_leg_of_an_unsent_dial_is_asked_about 38000 tick", "accepted_1", "voicemail ask"},
    // Of a leg that nothing was known of when its ring ended.
    {"greeting_after_prompts", "answered_3", "voicemail ask"},
    {"greeting_after_prompts", "bridged_3", "voicemail ask"},
    {"greeting_after_prompts", "unhold_3", "voicemail ask"},
    {"greeting_after_prompts_one_late_end", "answered_3", "voicemail ask"},
    {"greeting_after_prompts_one_late_end", "bridged_3", "voicemail ask"},
    {"greeting_after_prompts_one_late_end", "unhold_3", "voicemail ask"},
    {"recording_after_prompts", "answered_3", "voicemail ask"},
    {"recording_after_prompts", "bridged_3", "voicemail ask"},
    {"recording_after_prompts", "unhold_3", "voicemail ask"},
};

std::string expected(const std::string& call, const std::string& event, const json& before) {
    for (const auto& c : k_changed)
        if (c.call == call && c.event == event) return std::string(c.then);
    return before.get<std::string>();
}

} // namespace

INSTANTIATE_TEST_SUITE_P(before, stored_form, ::testing::Range(1, wire::k_plain_form));

TEST_P(stored_form, i_20_a_call_of_an_earlier_program_stands_where_it_stood_and_goes_on) {
    const auto calls = stored();
    ASSERT_GT(calls.size(), 20U);
    for (const auto& one : calls) {
        const auto title = one["name"].get<std::string>();
        SCOPED_TRACE(title);
        ASSERT_EQ(one["call"]["v"], GetParam());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto& phase = one.contains("phase") ? one["phase"] : one["call"]["phase"];
        EXPECT_EQ(name(phase_of(*s)), phase.get<std::string>());
        EXPECT_EQ(broken_invariant(*s), nullptr);
        std::optional<time_point> due;
        if (one.contains("deadline")) due = time_point{millis{one["deadline"].get<std::int64_t>()}};
        EXPECT_EQ(deadline(*s), due);
        for (const auto& [what, then] : one["then"].items())
            EXPECT_EQ(z360::testing::happens(*s, what, due), expected(title, what, then)) << what;
    }
}

TEST_P(stored_form, i_20_once_written_by_this_program_it_is_of_this_form) {
    for (const auto& one : stored()) {
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto again = json::parse(wire::encode(*s));
        EXPECT_EQ(again["v"], wire::k_plain_form);
        for (const char* gone : {"phase", "bridge", "bridged_at", "ring_deadline"})
            EXPECT_FALSE(again.contains(gone)) << gone;
        const auto back = wire::decode_state(again.dump());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, *s);
    }
}

TEST_P(stored_form, a_damaged_call_is_refused_not_guessed) {
    auto j = stored().at(0)["call"];
    ASSERT_TRUE(wire::decode_state(j.dump()));
    for (const auto& key :
         {GetParam() < 3 ? "bridge" : "joins", "legs", "twins", "caller", "id", "ring_deadline"}) {
        auto damaged = j;
        damaged[key] = std::string_view(key) == "ring_deadline" ? json("soon") : json(7);
        EXPECT_FALSE(wire::decode_state(damaged.dump())) << key;
    }
}

TEST_P(stored_form, i_20_the_one_ring_is_a_ring_of_the_call) {
    int open = 0;
    int over_ = 0;
    for (const auto& one : stored()) {
        SCOPED_TRACE(one["name"].get<std::string>());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        if (s->routed.verdict != route_verdict::ring) {
            EXPECT_TRUE(s->rings.empty());
            continue;
        }
        ASSERT_EQ(s->rings.size(), 1U);
        const auto& r = s->rings.front();
        EXPECT_EQ(r.deadline.time_since_epoch().count(), one["call"]["ring_deadline"].get<std::int64_t>());
        EXPECT_EQ(r.began, s->began);
        for (const auto& l : s->legs)
            EXPECT_EQ(l.ring, 1U);
        const auto p = phase_of(*s);
        const bool rings = p == phase::ringing || p == phase::answering || p == phase::bridging;
        EXPECT_EQ(r.over == ring_end::none, rings);
        if (bridged_at(*s)) EXPECT_EQ(r.over, ring_end::answered);
        ++(rings ? open : over_);
    }
    EXPECT_GT(open, 3);
    EXPECT_GT(over_, 3);
}

TEST(form_1, counts_that_nobody_can_have_reached_are_refused_and_take_no_room) {
    const auto whole = z360::testing::stored_calls("form1").at(0)["call"];
    ASSERT_TRUE(wire::decode_state(whole.dump()));
    for (const char* key : {"prompts", "spoken_over"})
        for (const json& count : {json(-1), json(4'294'967'295U), json(1'000'000'000)}) {
            auto j = whole;
            j[key] = count;
            EXPECT_FALSE(wire::decode_state(j.dump())) << key << ' ' << count;
        }
}
