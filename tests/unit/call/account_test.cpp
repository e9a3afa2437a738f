// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is told of a call that is over, to the inbox and the ledger.
#include "support/joined.hpp"

#include <z360/call/account.hpp>

#include <gtest/gtest.h>

#include <algorithm>

using namespace z360;
using namespace z360::call;
using z360::testing::caller_leg;
using z360::testing::join_leg;

namespace {

constexpr time_point k_noon{millis{1'760'000'000'000}};

state rung() {
    state s;
    s.id = {derive_uuid("call")};
    s.caller = caller_leg(s.id, "caller", "+13125550142");
    s.routed.verdict = route_verdict::ring;
    s.routed.org = {1};
    s.began = k_noon;
    s.ended_at = k_noon + millis{200'000};
    leg l;
    l.id = {derive_uuid("leg")};
    l.call_control_id = "device";
    s.legs.push_back(l);
    return s;
}
state talked(millis length) {
    auto s = rung();
    s.caller.answered = true;
    auto& j = join_leg(s, 0);
    j.joined_at = k_noon + millis{10'000};
    j.over_at = *j.joined_at + length;
    j.over = join_end::talk_over;
    return s;
}
recorded of(const char* id, recording_purpose purpose, std::optional<millis> length) {
    recorded r;
    r.id = id;
    r.purpose = purpose;
    r.format = "mp3";
    if (length) {
        r.began_at = k_noon;
        r.ended_at = k_noon + *length;
    }
    return r;
}
constexpr auto k_talk = recording_purpose::talk;
constexpr auto k_message = recording_purpose::message;

} // namespace

TEST(account, a_talk_counts_by_its_begun_minutes_recorded_or_not) {
    for (const auto& [length, minutes] :
         {std::pair{1, 1U}, std::pair{60'000, 1U}, std::pair{60'001, 2U}, std::pair{3'599'999, 60U}}) {
        const auto a = account_of(talked(millis{length}), {});
        EXPECT_EQ(a.minutes, minutes) << length;
        EXPECT_EQ(a.talk, millis{length});
        EXPECT_EQ(a, account_of(talked(millis{length}), {})) << "the same call, the same account";
    }
    const auto a = account_of(talked(millis{61'000}), {of("rec", k_talk, millis{5'000})});
    EXPECT_EQ(a.minutes, 2U) << "not by what was recorded of it";
    EXPECT_TRUE(a.delivered);
    EXPECT_FALSE(a.missed);
    EXPECT_EQ(a.leg, "device");
    EXPECT_EQ(name(a.unit), "SIMPLE_CALL_MINUTE");
}

TEST(account, a_talk_that_no_over_time_is_known_of_lasts_until_the_call_is_over) {
    auto s = talked(millis{1'000});
    s.joins[0].over_at.reset();
    EXPECT_EQ(account_of(s, {}).talk, millis{190'000});
}

TEST(account, a_talk_that_was_over_before_both_sides_told_of_it_is_a_minute_and_not_missed) {
    auto s = talked(millis{1});
    s.joins.back().joined_at.reset();
    s.reason = end_reason::completed;
    const auto a = account_of(s, {});
    EXPECT_EQ(a.minutes, 1U);
    EXPECT_TRUE(a.delivered);
    EXPECT_FALSE(a.missed);
    s.reason = end_reason::caller_cancelled; // claimed, and nobody is known to have been joined
    EXPECT_TRUE(account_of(s, {}).missed);
}

TEST(account, what_was_dropped_or_never_confirmed_is_no_talk) {
    auto s = talked(millis{5'000});
    s.joins[0].joined_at.reset();
    s.joins[0].over = join_end::dropped;
    const auto a = account_of(s, {});
    EXPECT_EQ(a.talk, millis{});
    EXPECT_FALSE(a.minutes);
    EXPECT_TRUE(a.missed);
    EXPECT_FALSE(a.delivered);
    EXPECT_EQ(a.leg, "caller");
}

TEST(account, a_talk_with_a_program_counts_in_its_own_unit) {
    auto s = talked(millis{5'000});
    s.legs[0].role = leg_role::agent;
    const auto a = account_of(s, {});
    EXPECT_TRUE(a.agent);
    EXPECT_EQ(name(a.unit), "AI_CALL_MINUTE");
}

TEST(account, a_message_counts_by_its_length_once_that_is_known) {
    auto s = rung();
    s.caller.answered = true;
    EXPECT_FALSE(account_of(s, {}).minutes);
    EXPECT_FALSE(account_of(s, {}).voicemail);
    const auto unknown = account_of(s, {of("rec", k_message, std::nullopt)});
    EXPECT_TRUE(unknown.voicemail);
    EXPECT_TRUE(unknown.delivered);
    EXPECT_TRUE(unknown.missed);
    EXPECT_FALSE(unknown.minutes) << "never guessed";
    EXPECT_EQ(account_of(s, {of("rec", k_message, millis{61'000})}).minutes, 2U);
}

TEST(account, who_leaves_at_the_tone_leaves_no_message) {
    const auto a = account_of(rung(), {of("rec", k_message, millis{999})});
    EXPECT_FALSE(a.voicemail);
    EXPECT_FALSE(a.minutes);
    EXPECT_FALSE(a.shown);
}

TEST(account, callers_who_are_turned_away_are_not_missed) {
    auto s = rung();
    s.routed.verdict = route_verdict::blocked_caller;
    EXPECT_FALSE(account_of(s, {}).missed);
}

TEST(account, i_10_the_order_in_which_recordings_are_told_makes_no_difference) {
    std::vector<recorded> all{
        of("a", k_talk, millis{5'000}), of("b", k_message, millis{2'000}), of("c", k_message, std::nullopt)
    };
    const auto first = account_of(rung(), all);
    ASSERT_TRUE(first.shown);
    EXPECT_EQ(first.shown->id, "b");
    while (std::next_permutation(all.begin(), all.end(), [](const auto& x, const auto& y) {
        return x.id < y.id;
    }))
        EXPECT_EQ(account_of(rung(), all), first);
}

TEST(account, steps_are_those_that_were_gone_through) {
    auto s = rung();
    EXPECT_EQ(account_of(s, {}).steps, (std::vector<std::string_view>{"handleCall:inbound", "call.hangup"}));
    s.caller.answered = true;
    EXPECT_EQ(
        account_of(s, {of("rec", k_talk, millis{2'000})}).steps,
        (std::vector<std::string_view>{
            "handleCall:inbound", "call.answered", "call.hangup", "call.recording.saved"
        })
    );
}

TEST(account, a_message_that_lasted_for_centuries_has_no_length_that_anybody_pays) {
    auto r = of("rec", k_message, {});
    r.began_at = time_point{};
    r.ended_at = time_point{millis{253'402'300'799'000}}; // year 9999
    const auto a = account_of(rung(), {r});
    EXPECT_FALSE(a.minutes) << *a.minutes;
    EXPECT_TRUE(a.voicemail);
}
