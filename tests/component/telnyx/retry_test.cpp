// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/retry.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::adapter::telnyx;
using call::verb;

namespace {

classified failed(answer_class what = answer_class::ambiguous) {
    classified c;
    c.what = what;
    return c;
}
classified server_fault() {
    auto c = failed();
    c.server_fault = true;
    return c;
}
classified bridge_hiccup() {
    auto c = failed(answer_class::retry);
    c.bridge_hiccup = true;
    return c;
}
constexpr double k_middle = 0.5; // no deviation within the table

} // namespace

TEST(retry, be_10_dials_pause_250_750_2000_ms_and_then_at_most_4_s) {
    retry_plan plan(verb::dial);
    EXPECT_EQ(plan.next(failed(), k_middle), millis{250});
    EXPECT_EQ(plan.next(failed(), k_middle), millis{750});
    EXPECT_EQ(plan.next(failed(), k_middle), millis{2'000});
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(plan.next(failed(), 0.0), millis{2'000});
        EXPECT_LE(plan.next(failed(), 0.999).value(), millis{4'000});
    }
}

TEST(retry, jitter_spreads_each_pause_by_ten_percent) {
    EXPECT_EQ(retry_plan(verb::dial).next(failed(), 0.0), millis{225});
    EXPECT_EQ(retry_plan(verb::dial).next(failed(), 0.999'999), millis{275});
}

TEST(retry, a_bridge_keeps_short_pauses) {
    retry_plan plan(verb::bridge);
    EXPECT_EQ(plan.next(failed(), k_middle), millis{250});
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(plan.next(failed(), k_middle), millis{750});
}

TEST(retry, a_passing_422_on_bridge_is_retried_twice) {
    retry_plan plan(verb::bridge);
    EXPECT_EQ(plan.next(bridge_hiccup(), k_middle), millis{250});
    EXPECT_EQ(plan.next(bridge_hiccup(), k_middle), millis{750});
    EXPECT_FALSE(plan.next(bridge_hiccup(), k_middle));
}

TEST(retry, the_first_server_fault_is_resent_at_once_then_backs_off) {
    retry_plan plan(verb::hangup);
    EXPECT_EQ(plan.next(server_fault(), k_middle), millis{0});
    EXPECT_EQ(plan.next(server_fault(), k_middle), millis{250});
    EXPECT_EQ(plan.next(server_fault(), k_middle), millis{750});
}

TEST(retry, the_servers_pause_is_honoured_with_jitter_on_top) {
    auto limited = failed(answer_class::retry);
    limited.after = millis{1'000};
    EXPECT_EQ(retry_plan(verb::dial).next(limited, 0.0), millis{1'000});
    EXPECT_EQ(retry_plan(verb::dial).next(limited, 0.4), millis{1'100});
    limited.after = millis{10};
    EXPECT_EQ(retry_plan(verb::dial).next(limited, 0.0), millis{225}) << "never below our own pause";
    auto busy = server_fault();
    busy.after = millis{500};
    EXPECT_EQ(retry_plan(verb::dial).next(busy, 0.0), millis{500}) << "not at once when asked to wait";
}

TEST(retry, be_22_a_refused_hang_up_is_tried_once_in_five_seconds_without_end) {
    auto refused = failed(answer_class::insist);
    retry_plan plan(verb::hangup);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(plan.next(refused, 0.0), millis{5'000}) << "never earlier";
        EXPECT_LE(plan.next(refused, 0.999).value(), millis{5'500});
    }
    refused.after = millis{8'000};
    EXPECT_EQ(plan.next(refused, 0.0), millis{8'000});
    refused.after = millis{10};
    EXPECT_EQ(plan.next(refused, 0.0), millis{5'000});
    EXPECT_EQ(retry_plan(verb::reject, millis{50}).next(failed(answer_class::insist), 0.0), millis{50});
}
