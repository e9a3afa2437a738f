// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/retry.hpp>

#include <gtest/gtest.h>

#include <limits>

using namespace z360::rt;
using namespace std::chrono_literals;

TEST(retry, pauses_double_up_to_the_longest) {
    EXPECT_EQ(growing(1'000ms, 300'000ms, 0), 1'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 1), 1'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 2), 2'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 4), 8'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 9), 256'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 10), 300'000ms);
    EXPECT_EQ(growing(1'000ms, 300'000ms, 4'000'000'000U), 300'000ms);
}

TEST(retry, no_figures_make_a_pause_negative_or_endless) {
    EXPECT_EQ(growing(2'000ms, 1'000ms, 5), 1'000ms);
    EXPECT_EQ(growing(-5ms, 1'000ms, 5), 0ms);
    EXPECT_EQ(growing(5ms, -1ms, 5), 0ms);
    EXPECT_EQ(growing(0ms, 1'000ms, 4'000'000'000U), 0ms);
    const auto longest = std::chrono::milliseconds::max();
    EXPECT_EQ(growing(1ms, longest, 1'000), longest);
    EXPECT_EQ(spread(longest, 0.5, 1, 1), longest);
    EXPECT_EQ(spread(longest, 1, 2, 0.5), longest);
}

TEST(retry, chance_spreads_a_pause_between_its_bounds) {
    EXPECT_EQ(spread(1'000ms, 0.5, 1, 0.0), 500ms);
    EXPECT_EQ(spread(1'000ms, 0.5, 1, 0.5), 750ms);
    EXPECT_EQ(spread(1'000ms, 0.5, 1, 1.0), 1'000ms);
    EXPECT_EQ(spread(1'000ms, 0.9, 1.1, 0.0), 900ms);
    EXPECT_EQ(spread(1'000ms, 0.5, 1, 7.0), 1'000ms);
    EXPECT_EQ(spread(1'000ms, 0.5, 1, -7.0), 500ms);
    EXPECT_EQ(spread(1'000ms, 0.5, 1, std::numeric_limits<double>::quiet_NaN()), 500ms);
}

TEST(retry, chance_is_never_one_and_not_always_the_same) {
    const auto chance = random_chance();
    const double first = chance();
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const double c = chance();
        EXPECT_GE(c, 0.0);
        EXPECT_LT(c, 1.0);
        differs = differs || c != first;
    }
    EXPECT_TRUE(differs);
}
