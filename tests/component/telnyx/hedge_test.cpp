// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The identical resend after half a second without an answer (here: a few milliseconds).
#include "fakes.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::test;
using call::outcome;
using namespace std::chrono_literals;

namespace {

struct hedge : ::testing::Test {
    stage s;
    hedge() { s.settings.hedge_after = millis{40}; }
    call::command answer_caller() { return s.command(call::answer_body{}); }
};

} // namespace

TEST_F(hedge, a_quick_answer_is_not_resent) {
    s.http.script = {answer(200)};
    const auto out = s.run(answer_caller());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.attempts, 1U);
    EXPECT_EQ(s.http.seen.size(), 1U);
}

TEST_F(hedge, silence_is_answered_with_the_same_bytes) {
    s.http.script = {silence(), dialed("v3:new")};
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.who.call_control_id, "v3:new");
    EXPECT_EQ(out.attempts, 2U);
    ASSERT_EQ(s.http.seen.size(), 2U);
    EXPECT_EQ(s.http.seen[0].body, s.http.seen[1].body);
    EXPECT_EQ(s.http.seen[0].url, s.http.seen[1].url);
    EXPECT_EQ(s.http.aborted, 1) << "the first is given up once the second has succeeded";
    EXPECT_EQ(s.counted("telnyx_resends_total verb=dial"), 1);
    EXPECT_EQ(s.counted("telnyx_requests_total verb=dial outcome=done"), 1);
}

TEST_F(hedge, the_first_may_still_win) {
    s.http.script = {dialed("v3:first", 80ms), silence()};
    EXPECT_EQ(s.run(s.dial()).who.call_control_id, "v3:first");
    EXPECT_EQ(s.http.seen.size(), 2U);
}

TEST_F(hedge, applied_but_the_reply_lost_a_repeat_without_an_id_does_not_hide_the_first_answer) {
    s.http.script = {dialed("v3:first", 70ms), answer(200, "{}")};
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.who.call_control_id, "v3:first");
    EXPECT_EQ(s.http.seen.size(), 2U);
}

TEST_F(hedge, a_refused_repeat_does_not_hide_a_success_that_is_on_its_way) {
    s.http.script = {answer(200, "{}", 70ms), error_code(422, "90099")};
    EXPECT_EQ(s.run(answer_caller()).result, outcome::done);
}

TEST_F(hedge, applied_but_the_reply_lost_a_refusal_counts_when_nothing_better_comes) {
    s.http.script = {silence(), error_code(422, "90102")};
    const auto out = s.run(answer_caller());
    EXPECT_EQ(out.result, outcome::refused);
    EXPECT_EQ(out.error_code, "90102");
    EXPECT_EQ(s.http.aborted, 1);
}

TEST_F(hedge, a_hangup_whose_first_reply_was_lost_finds_its_leg_gone) {
    s.http.script = {silence(), error_code(422, "90018")};
    EXPECT_EQ(s.run(s.command(call::hangup_body{})).result, outcome::peer_gone);
}

TEST_F(hedge, applied_but_both_replies_lost_is_sent_again_and_ends_well) {
    s.http.script = {no_answer(), dialed("v3:new")};
    EXPECT_EQ(s.run(s.dial()).who.call_control_id, "v3:new");
    EXPECT_EQ(s.http.seen.size(), 2U);
}

TEST_F(hedge, a_stalled_first_and_a_failing_second_do_not_hold_the_retry_up) {
    s.http.script = {silence(), answer(503), answer(200)};
    const auto before = s.clock.now();
    const auto out = s.run(answer_caller());
    EXPECT_EQ(out.result, outcome::done);
    EXPECT_EQ(out.attempts, 3U);
    EXPECT_EQ(s.http.seen.size(), 3U);
    EXPECT_LT(s.clock.now() - before, s.settings.attempt_timeout);
}

TEST_F(hedge, i15_a_dial_without_budget_is_not_resent) {
    s.http.script = {dialed("v3:new", 90ms)};
    s.budget.waits = {0, 1'000};
    EXPECT_EQ(s.run(s.dial()).result, outcome::done);
    EXPECT_EQ(s.http.seen.size(), 1U);
    EXPECT_EQ(s.budget.taken, 2);
}

TEST_F(hedge, mob_18_a_dial_of_a_call_that_has_ended_is_not_resent) {
    s.http.script = {dialed("v3:new", 90ms)};
    int questions = 0;
    s.wanted_ = [&questions](unsigned) { return ++questions == 1; };
    const auto out = s.run(s.dial());
    EXPECT_EQ(out.result, outcome::done) << "the first one's answer is still waited for";
    EXPECT_EQ(out.who.call_control_id, "v3:new");
    EXPECT_EQ(questions, 2);
    EXPECT_EQ(s.http.seen.size(), 1U);
}

TEST_F(hedge, is_one_attempt_for_the_call) {
    s.http.script = {silence(), answer(200)};
    (void)s.run(answer_caller());
    EXPECT_EQ(s.asked, 1U);
}
