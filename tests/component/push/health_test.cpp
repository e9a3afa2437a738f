// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/health.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace std::chrono_literals;
using adapter::push::health;
using push::lane;

namespace {

constexpr rt::clock::time_point k_begin{1000s};

health opened() {
    health h;
    for (int i = 0; i < 20; ++i)
        h.report(true, k_begin);
    return h;
}

} // namespace

TEST(push_health, opens_when_half_of_twenty_attempts_of_ten_seconds_were_faults) {
    health h;
    for (int i = 0; i < 19; ++i)
        h.report(true, k_begin);
    EXPECT_FALSE(h.open()) << "too few to tell";
    h.report(false, k_begin);
    EXPECT_TRUE(h.open());

    health half;
    for (int i = 0; i < 40; ++i)
        half.report(i % 5 < 2, k_begin);
    EXPECT_FALSE(half.open()) << "two of five";

    health old;
    for (int i = 0; i < 19; ++i)
        old.report(true, k_begin);
    old.report(true, k_begin + 11s);
    EXPECT_FALSE(old.open()) << "the others are forgotten";
}

TEST(push_health, be_46_open_it_lets_five_calls_a_second_try_and_one_of_all_else) {
    auto h = opened();
    int calls = 0;
    int others = 0;
    for (auto t = k_begin; t < k_begin + 10s; t += 10ms) {
        calls += h.may_begin(lane::call, t) ? 1 : 0;
        others += h.may_begin(lane::message, t) ? 1 : 0;
    }
    EXPECT_EQ(calls, 50);
    EXPECT_EQ(others, 10);
}

TEST(push_health, closes_after_three_good_ones_in_a_row) {
    auto h = opened();
    for (const bool fault : {false, false, true, false, false}) {
        h.report(fault, k_begin + 1s);
        EXPECT_TRUE(h.open());
    }
    h.report(false, k_begin + 1s);
    EXPECT_FALSE(h.open());
    EXPECT_TRUE(h.may_begin(lane::sync, k_begin + 1s));
    h.report(true, k_begin + 1s);
    EXPECT_FALSE(h.open()) << "as new: what was before says nothing";
}
