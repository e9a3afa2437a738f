// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/clock_anchor.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace z360;
using namespace std::chrono_literals;
using rt::clock_anchor;
using micros = clock_anchor::micros;
using moment = clock_anchor::steady::time_point;

namespace {

const moment k_start{1'000s};
const std::chrono::sys_time<micros> k_day{1'760'000'000s};

// A server whose clock is `ahead` of the system's clock at the start, asked over a line with some delay.
struct server {
    micros ahead{0};
    [[nodiscard]] std::chrono::sys_time<micros> at(moment t) const {
        return k_day + ahead + std::chrono::floor<micros>(t - k_start);
    }
    [[nodiscard]] rt::clock_sample ask(moment t, micros there = 500us, micros back = 500us) const {
        return {t, t + there + back, at(t + there)};
    }
};

bool tell(clock_anchor& c, const rt::clock_sample& s) {
    return c.sample(s.answered, s);
}

millis off(const clock_anchor& c, const server& s, moment t) {
    return std::chrono::abs(c.now(t) - std::chrono::floor<millis>(s.at(t)));
}

} // namespace

TEST(clock_anchor, starts_with_the_system_clock_and_jumps_once_to_the_database_s) {
    for (const micros ahead : {micros{35s}, micros{-120s}, micros{0}}) {
        clock_anchor c(k_start, k_day);
        EXPECT_EQ(c.now(k_start + 1s), k_day + 1s);
        EXPECT_FALSE(c.anchored());
        EXPECT_FALSE(c.skew(k_start, k_day));
        const server s{ahead};
        EXPECT_TRUE(tell(c, s.ask(k_start + 1s)));
        EXPECT_TRUE(c.anchored());
        EXPECT_LE(off(c, s, k_start + 2s), 1ms);
        EXPECT_LE(std::chrono::abs(*c.skew(k_start + 2s, k_day + 2s) + ahead), 1ms);
    }
}

TEST(clock_anchor, ignores_answers_that_took_long_and_prefers_quick_ones) {
    clock_anchor c(k_start, k_day);
    const server s{micros{35s}};
    EXPECT_FALSE(tell(c, s.ask(k_start, 1us, 251ms)));
    EXPECT_FALSE(c.anchored());
    EXPECT_TRUE(tell(c, s.ask(k_start + 1s, 200us, 200us)));
    for (int i = 2; i < 8; ++i) // all of the delay on one way: half of it is the error
        EXPECT_TRUE(tell(c, s.ask(k_start + i * 1s, 1us, 240ms)));
    EXPECT_LE(off(c, s, k_start + 10s), 1ms);
}

TEST(clock_anchor, i_19_one_answer_that_is_far_off_changes_nothing) {
    clock_anchor c(k_start, k_day);
    const server s;
    const server mad{micros{3'600s}};
    for (int i = 0; i < 40; ++i)
        EXPECT_EQ(tell(c, (i % 5 == 4 ? mad : s).ask(k_start + i * 1s)), i % 5 != 4);
    EXPECT_LE(off(c, s, k_start + 40s), 1ms);
}

TEST(clock_anchor, a_small_difference_is_made_up_by_50_ms_a_second) {
    for (const micros ahead : {micros{1s}, micros{-1s}}) {
        clock_anchor c(k_start, k_day);
        EXPECT_TRUE(tell(c, server{}.ask(k_start)));
        const server moved{ahead};
        for (int i = 1; i <= 8; ++i)
            EXPECT_TRUE(tell(c, moved.ask(k_start + i * 1s)));
        EXPECT_GE(off(c, moved, k_start + 9s), 500ms);
        for (int i = 9; i <= 32; ++i)
            EXPECT_TRUE(tell(c, moved.ask(k_start + i * 1s)));
        EXPECT_LE(off(c, moved, k_start + 32s), 2ms);
        EXPECT_LE(std::chrono::abs(c.correction(k_start + 40s)), 1ms);
    }
}

TEST(
    clock_anchor, i_19_a_server_with_another_clock_is_followed_within_minutes_and_no_timer_loses_its_meaning
) {
    for (const micros ahead : {micros{35s}, micros{-35s}}) {
        clock_anchor c(k_start, k_day);
        EXPECT_TRUE(tell(c, server{}.ask(k_start)));
        const server other{ahead};
        auto before = c.now(k_start + 1s);
        moment t = k_start + 1s;
        for (int i = 1; i <= 200; ++i) {
            t += 1s;
            (void)tell(c, other.ask(t));
            const auto now = c.now(t);
            EXPECT_GE(now - before, 749ms);
            EXPECT_LE(now - before, 1'251ms);
            before = now;
        }
        EXPECT_LE(off(c, other, t), 5ms);
    }
}

// Whatever the servers say, in whatever order and after whatever delays.
TEST(clock_anchor, i_19_never_goes_back_and_never_runs_faster_than_its_bound) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const auto between = [&](std::int64_t a, std::int64_t b) {
            return micros{std::uniform_int_distribution<std::int64_t>(a, b)(random)};
        };
        clock_anchor c(k_start, k_day);
        server s{between(-100'000'000, 100'000'000)};
        moment t = k_start;
        while (!tell(c, s.ask(t, between(0, 100'000), between(0, 100'000))))
            t += 1s;
        t += 1s;
        auto before = c.now(t);
        for (int i = 0; i < 400; ++i) {
            if (i % 50 == 49) s.ahead += between(-40'000'000, 40'000'000); // set, or another server
            const auto step = between(1, 2'000'000);
            t += step;
            const auto sent = s.ask(t - 300ms, between(0, 200'000), between(0, 100'000));
            (void)c.sample(t, sent);
            const auto now = c.now(t);
            ASSERT_GE(now, before);
            ASSERT_LE(now - before, std::chrono::ceil<millis>(step + step / clock_anchor::k_fast_slew) + 1ms);
            ASSERT_GE(
                now - before, std::chrono::floor<millis>(step - step / clock_anchor::k_fast_slew) - 1ms
            );
            before = now;
        }
        for (int i = 0; i < 2'000; ++i) { // left in peace it arrives
            t += 1s;
            (void)tell(c, s.ask(t, 300us, 300us));
        }
        EXPECT_LE(off(c, s, t), 2ms);
    }
}

TEST(step_watch, tells_a_clock_that_was_set_from_one_that_drifts) {
    rt::step_watch w;
    moment t = k_start;
    auto system = k_day;
    EXPECT_FALSE(w.look(t, system));
    for (int i = 0; i < 100; ++i) { // 1 ms in 250
        t += 250ms;
        system += 251ms;
        EXPECT_FALSE(w.look(t, system));
    }
    t += 250ms;
    system += 40s + 250ms;
    EXPECT_EQ(w.look(t, system), 40s);
    t += 250ms;
    system += 250ms - 120s;
    EXPECT_EQ(w.look(t, system), -120s);
    t += 250ms;
    system += 250ms;
    EXPECT_FALSE(w.look(t, system));
}
