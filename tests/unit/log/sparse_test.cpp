// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/log.hpp>

#include <gtest/gtest.h>

using namespace z360;
using namespace std::chrono_literals;

TEST(sparse_line, comes_at_once_and_then_once_a_minute_with_the_number_of_those_left_out) {
    log::sparse lines;
    const log::sparse::clock::time_point start{};
    EXPECT_EQ(lines.due(start), 0U);
    for (int i = 1; i <= 500; ++i)
        EXPECT_FALSE(lines.due(start + i * 100ms));
    EXPECT_EQ(lines.due(start + 60s), 500U);
    EXPECT_FALSE(lines.due(start + 119s));
    EXPECT_EQ(lines.due(start + 120s), 1U);
    EXPECT_EQ(lines.due(start + 1h), 0U);
}
