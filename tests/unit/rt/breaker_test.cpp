// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/breaker.hpp>

#include <gtest/gtest.h>

using namespace z360::rt;
using namespace std::chrono_literals;
using pass = breaker::pass;

namespace {

const breaker::time t0{};

void report(breaker& b, int healthy, int broken, breaker::time at = t0) {
    for (int i = 0; i < healthy; ++i)
        b.report(at, true, false);
    for (int i = 0; i < broken; ++i)
        b.report(at, false, false);
}

} // namespace

TEST(breaker, opens_at_half_of_at_least_ten) {
    breaker few(1s);
    report(few, 0, 9);
    EXPECT_FALSE(few.open());
    report(few, 0, 1);
    EXPECT_TRUE(few.open());
    breaker healthy(1s);
    report(healthy, 6, 5);
    EXPECT_FALSE(healthy.open());
    report(healthy, 0, 1);
    EXPECT_TRUE(healthy.open());
}

TEST(breaker, forgets_what_is_older_than_ten_seconds) {
    breaker b(1s);
    report(b, 0, 9);
    report(b, 0, 1, t0 + 11s);
    EXPECT_FALSE(b.open());
}

TEST(breaker, lets_one_probe_through_at_a_time_and_closes_when_it_succeeds) {
    breaker b(1s);
    report(b, 0, 10);
    EXPECT_EQ(b.ask(t0), pass::no);
    EXPECT_EQ(b.closed_for(t0), 1s);
    EXPECT_EQ(b.ask(t0 + 1s), pass::probe);
    EXPECT_EQ(b.ask(t0 + 5s), pass::no) << "the probe is still out";
    EXPECT_GT(b.closed_for(t0 + 5s), 0s) << "waiting must not spin";
    b.report(t0 + 5s, false, true);
    EXPECT_EQ(b.ask(t0 + 5s), pass::no);
    EXPECT_EQ(b.ask(t0 + 6s), pass::probe);
    b.report(t0 + 6s, true, true);
    EXPECT_FALSE(b.open());
    EXPECT_EQ(b.ask(t0 + 6s), pass::yes);
    EXPECT_EQ(b.closed_for(t0 + 6s), 0s);
}

TEST(breaker, an_abandoned_probe_makes_room_for_the_next) {
    breaker b(1s);
    report(b, 0, 10);
    EXPECT_EQ(b.ask(t0 + 1s), pass::probe);
    b.abandon_probe();
    EXPECT_EQ(b.ask(t0 + 2s), pass::probe);
}

TEST(breaker, anything_that_gets_through_proves_health) {
    breaker b(1s);
    report(b, 0, 10);
    b.report(t0, true, false); // e.g. a hang-up, which always passes
    EXPECT_FALSE(b.open());
}

TEST(breaker, starts_counting_afresh_after_it_closed) {
    breaker b(1s);
    report(b, 0, 10);
    b.report(t0, true, false);
    report(b, 0, 9);
    EXPECT_FALSE(b.open());
}

TEST(breaker, by_setting_the_first_failure_opens_it_whatever_went_well_before) {
    breaker b(breaker_settings{.probe_every = 1s, .opens_at_once = true});
    report(b, 1'000, 1);
    EXPECT_TRUE(b.open());
    EXPECT_EQ(b.failed_in_a_row(), 1U);
    b.report(t0, false, false);
    EXPECT_EQ(b.failed_in_a_row(), 1U) << "what was under way already is one failure with the first";
}

TEST(breaker, by_setting_its_pause_doubles_while_probes_fail) {
    breaker b(breaker_settings{.probe_every = 1s, .longest_pause = 3s, .opens_at_once = true});
    report(b, 0, 1);
    auto now = t0;
    for (const auto pause : {1s, 2s, 3s, 3s}) {
        EXPECT_EQ(b.closed_for(now), pause);
        EXPECT_EQ(b.ask(now + pause - 1ms), pass::no);
        now += pause;
        EXPECT_EQ(b.ask(now), pass::probe);
        b.report(now, false, true);
    }
    EXPECT_EQ(b.failed_in_a_row(), 5U);
    EXPECT_EQ(b.ask(now + 3s), pass::probe);
    b.report(now + 3s, true, true);
    EXPECT_EQ(b.failed_in_a_row(), 0U);
    report(b, 0, 1, now + 3s);
    EXPECT_EQ(b.closed_for(now + 3s), 1s) << "it begins anew";
}

TEST(breaker, a_successor_is_not_to_blame) {
    breaker b(1s);
    report(b, 0, 10);
    EXPECT_EQ(b.ask(t0 + 1s), pass::probe);
    b.reset();
    EXPECT_EQ(b.ask(t0 + 1s), pass::yes);
    report(b, 0, 9, t0 + 1s);
    EXPECT_FALSE(b.open()) << "nothing is counted twice";
}
