// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/push/ladder.hpp>

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

unsigned taken(retry_budget& b, millis now, unsigned tries) {
    unsigned out = 0;
    for (unsigned i = 0; i < tries; ++i)
        out += b.take(now) ? 1 : 0;
    return out;
}

} // namespace

TEST(retry_budget, be_14_retries_are_a_tenth_of_first_attempts) {
    retry_budget b;
    for (int i = 0; i < 1'000; ++i)
        b.first_attempt(100s);
    EXPECT_EQ(b.left(100s), 100U);
    EXPECT_EQ(taken(b, 100s, 500), 100U);
    EXPECT_EQ(b.left(100s), 0U);
}

TEST(retry_budget, be_14_a_lone_call_has_its_retries) {
    retry_budget b;
    b.first_attempt(5s);
    EXPECT_EQ(taken(b, 5s, 50), 10U);
}

TEST(retry_budget, i_16_what_is_ten_seconds_old_counts_no_more) {
    retry_budget b(10, 0);
    for (int i = 0; i < 100; ++i)
        b.first_attempt(20s);
    EXPECT_EQ(taken(b, 21s, 100), 10U);
    EXPECT_EQ(b.left(29'999ms), 0U);
    EXPECT_EQ(b.left(30s), 0U); // the attempts have gone, and so has what they allowed
    for (int i = 0; i < 50; ++i)
        b.first_attempt(31s);
    EXPECT_EQ(b.left(31s), 5U);
}

TEST(retry_budget, i_16_a_long_pause_leaves_nothing_behind) {
    retry_budget b(10, 2);
    for (int i = 0; i < 1'000; ++i)
        b.first_attempt(1s);
    EXPECT_EQ(b.left(2s), 100U);
    EXPECT_EQ(b.left(1h), 2U);
    EXPECT_EQ(taken(b, 1h, 9), 2U);
    EXPECT_EQ(b.left(1h + 11s), 2U);
}

TEST(retry_budget, i_19_a_clock_that_goes_back_gives_nothing_away) {
    retry_budget b(10, 1);
    EXPECT_TRUE(b.take(100s));
    EXPECT_FALSE(b.take(100s));
    EXPECT_FALSE(b.take(50s)); // counts as the newest
    EXPECT_FALSE(b.take(-100s));
    EXPECT_EQ(b.left(50s), 0U);
    b.first_attempt(10s);
    EXPECT_TRUE(b.take(110s));
}

TEST(retry_budget, i_16_shares_of_any_size) {
    retry_budget none(0, 0);
    none.first_attempt(1s);
    EXPECT_FALSE(none.take(1s));
    retry_budget all(100, 0);
    for (int i = 0; i < 7; ++i)
        all.first_attempt(1s);
    EXPECT_EQ(taken(all, 1s, 20), 7U);
}
