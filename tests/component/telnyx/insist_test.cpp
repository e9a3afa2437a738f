// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What must happen (hang-up, reject) under refusals and outages, with pauses cut to milliseconds.
#include "fakes.hpp"

#include <gtest/gtest.h>

#include <algorithm>

using namespace z360;
using namespace z360::test;
using call::outcome;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

const call::hangup_body k_hangup{};

struct insist : testing::Test {
    stage s;
    insist() {
        s.settings.insist_every = millis{50};
        s.settings.repeats_per_second = 10'000;
    }
    std::vector<call::command> hangups(std::size_t n, millis life = millis{20'000}) {
        std::vector<call::command> out;
        for (std::size_t i = 0; i < n; ++i) {
            auto c = s.command(k_hangup, life);
            c.id = "cmd-" + std::to_string(i);
            c.call_control_id = "v3:leg" + std::to_string(i);
            out.push_back(std::move(c));
        }
        return out;
    }
};

} // namespace

TEST_F(insist, be_22_a_refused_hang_up_is_repeated_with_the_same_bytes_until_it_is_done) {
    s.http.script = {
        error_code(400, "10001"),
        error_code(401, "10009"),
        error_code(403, "10010"),
        error_code(422, "10015"),
        error_code(422, "90034"),
        answer(405, ""),
        answer(200)
    };
    const auto began = steady::now();
    const auto out = s.run(s.command(k_hangup));
    EXPECT_EQ(out.result, outcome::done);
    ASSERT_EQ(s.http.seen.size(), 7U);
    for (const auto& request : s.http.seen) {
        EXPECT_EQ(request.body, s.http.seen[0].body);
        EXPECT_EQ(request.url, s.http.seen[0].url);
    }
    EXPECT_GE(steady::now() - began, 6 * s.settings.insist_every);
    EXPECT_EQ(s.asked, 7U) << "the call was asked before each attempt";
    EXPECT_EQ(s.counted("telnyx_insisting"), 0);
    EXPECT_EQ(s.counted("telnyx_commands_total verb=hangup outcome=done"), 1);
    EXPECT_EQ(s.counted("telnyx_key_rejected_total verb=hangup"), 1);
}

TEST_F(insist, be_22_a_refused_reject_is_repeated_too) {
    s.http.script = {error_code(401, "10009"), answer(200)};
    EXPECT_EQ(s.run(s.command(call::reject_body{})).result, outcome::done);
}

TEST_F(insist, the_legs_end_ends_it) {
    for (const auto& gone : {error_code(422, "90018"), error_code(422, "90015"), error_code(404, "10005")}) {
        stage one;
        one.settings = s.settings;
        one.http.script = {error_code(403, "10010"), gone};
        EXPECT_EQ(one.run(one.command(k_hangup)).result, outcome::peer_gone);
    }
}

TEST_F(insist, the_deadline_ends_it_and_says_what_was_answered_last) {
    s.http.otherwise = error_code(403, "10010");
    const auto out = s.run(s.command(k_hangup, millis{180}));
    EXPECT_EQ(out.result, outcome::expired);
    EXPECT_EQ(out.error_code, "10010");
    EXPECT_GE(s.http.seen.size(), 2U);
    EXPECT_LE(s.http.seen.size(), 4U);
    EXPECT_EQ(s.counted("telnyx_insisting"), 0);
}

TEST_F(insist, a_call_that_needs_it_no_more_ends_it) {
    s.http.otherwise = error_code(401, "10009");
    s.wanted_ = [](unsigned n) { return n < 3; };
    EXPECT_EQ(s.run(s.command(k_hangup)).result, outcome::superseded);
    EXPECT_EQ(s.http.seen.size(), 2U);
}

TEST_F(insist, be_22_dial_answer_and_bridge_are_refused_at_once_as_ever) {
    s.http.otherwise = error_code(401, "10009");
    EXPECT_EQ(s.run(s.dial()).result, outcome::refused);
    EXPECT_EQ(s.run(s.command(call::answer_body{})).result, outcome::refused);
    EXPECT_EQ(s.run(s.command(call::bridge_body{"v3:caller", false, {}})).result, outcome::refused);
    EXPECT_EQ(s.http.seen.size(), 3U);
}

TEST_F(insist, be_22_a_rejected_key_is_no_storm_and_a_pause_only) {
    s.settings.insist_every = millis{20};
    s.settings.repeats_per_second = 50; // one in 20 ms, of all forty
    s.http.otherwise = error_code(401, "10009");
    std::size_t mended_after = 0;
    const auto began = steady::now();
    s.wanted_ = [&](unsigned) { // asked before each attempt: a convenient place to look at the time
        if (mended_after == 0 && steady::now() - began > 600ms) {
            mended_after = s.http.seen.size();
            s.http.otherwise = answer(200);
        }
        return true;
    };
    for (const auto& out : s.run_all(hangups(40)))
        EXPECT_EQ(out.result, outcome::done);
    EXPECT_GE(mended_after, 40U) << "each was tried at once";
    EXPECT_LE(mended_after, 40U + 32U) << "then all together one in 20 ms";
    EXPECT_EQ(s.http.seen.size(), mended_after + 40) << "each arrived once";
    EXPECT_EQ(s.counted("telnyx_key_rejected client=commands"), 0);
    EXPECT_EQ(s.counted("telnyx_insisting"), 0);
}

TEST_F(insist, be_22_an_outage_is_no_storm_and_its_end_lets_all_go_at_once) {
    s.settings.repeats_per_second = 20; // one in 50 ms, of all two hundred
    s.http.otherwise = answer(503);
    std::size_t before = 0;
    std::optional<steady::time_point> mended;
    const auto began = steady::now();
    s.wanted_ = [&](unsigned) {
        if (!mended && steady::now() - began > 1500ms) {
            before = s.http.seen.size();
            mended = steady::now();
            s.http.otherwise = answer(200);
        }
        return true;
    };
    for (const auto& out : s.run_all(hangups(200)))
        EXPECT_EQ(out.result, outcome::done);
    // The first try of each, and what was repeated before the breaker opened; then one in 50 ms.
    EXPECT_LE(before, 200U + 200U + 1500U / 50U);
    EXPECT_LT(steady::now() - *mended, 3s) << "not one after the other: that would take ten";
    EXPECT_EQ(s.http.seen.size(), before + 200) << "each arrived once";
}

TEST_F(insist, be_22_the_servers_pause_is_kept_within_the_deadline) {
    s.http.script = {with_header(error_code(429, "10011"), "Retry-After", "0.4"), answer(200)};
    const auto began = steady::now();
    EXPECT_EQ(s.run(s.command(k_hangup)).result, outcome::done);
    EXPECT_GE(steady::now() - began, 400ms);
    const auto date = "Fri, 15 Jan 2027 09:00:00 GMT"; // an hour on
    s.http.script = {with_header(error_code(429, "10011"), "Retry-After", date)};
    EXPECT_EQ(s.run(s.command(k_hangup, millis{5'000})).result, outcome::expired);
}
