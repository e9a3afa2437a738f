// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/pacer.hpp"

#include <gtest/gtest.h>

using z360::adapter::telnyx::pacer;
using namespace std::chrono_literals;

namespace {
const pacer::time k_start{1h};
} // namespace

TEST(pacer, a_burst_goes_at_once_and_the_rest_at_the_pace) {
    pacer p(10, 3);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(p.take(k_start, 1h), 0ms);
    EXPECT_EQ(p.take(k_start, 1h), 100ms);
    EXPECT_EQ(p.take(k_start, 1h), 200ms);
    EXPECT_EQ(p.take(k_start + 50ms, 1h), 250ms) << "turns come in the order of the asking";
}

TEST(pacer, an_idle_time_fills_the_burst_and_no_more) {
    pacer p(10, 2);
    EXPECT_EQ(p.take(k_start, 1h), 0ms);
    const auto later = k_start + 1h;
    EXPECT_EQ(p.take(later, 1h), 0ms);
    EXPECT_EQ(p.take(later, 1h), 0ms);
    EXPECT_EQ(p.take(later, 1h), 100ms);
}

TEST(pacer, whoever_will_not_wait_takes_no_turn) {
    pacer p(1, 1);
    EXPECT_EQ(p.take(k_start, 0ms), 0ms);
    EXPECT_EQ(p.take(k_start, 999ms), std::nullopt);
    EXPECT_EQ(p.take(k_start, 999ms), std::nullopt);
    EXPECT_EQ(p.wait(k_start), 1s);
    EXPECT_EQ(p.take(k_start, 1s), 1s);
    EXPECT_EQ(p.wait(k_start), 2s);
}

TEST(pacer, a_pause_that_was_asked_for_holds_for_everybody) {
    pacer p(10, 10);
    p.pause(k_start + 5s);
    p.pause(k_start + 2s);
    EXPECT_EQ(p.wait(k_start), 5s);
    EXPECT_EQ(p.take(k_start, 1s), std::nullopt);
    EXPECT_EQ(p.take(k_start + 5s, 1s), 0ms);
}

TEST(pacer, nought_means_one) {
    pacer p(0, 0);
    EXPECT_EQ(p.take(k_start, 1h), 0ms);
    EXPECT_EQ(p.take(k_start, 1h), 1s);
}
