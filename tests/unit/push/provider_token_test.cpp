// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/push/provider_token.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <vector>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

constexpr time_point k_start{1'780'000'000'000ms};

apns_token minted_at(time_point t) {
    apns_token a;
    a.minted(secret("one"), t);
    return a;
}
access_token fetched(millis life = 1h, double chance = 0.0) {
    access_token a;
    EXPECT_TRUE(a.fetched(secret("one"), life, k_start, chance));
    return a;
}

} // namespace

TEST(apns_token, be_28_a_token_is_minted_at_fifty_minutes_and_never_sent_when_an_hour_old) {
    apns_token none;
    EXPECT_TRUE(none.due(k_start));
    EXPECT_EQ(none.current(k_start), nullptr);
    EXPECT_EQ(none.generation(), 0U);

    const auto a = minted_at(k_start);
    EXPECT_FALSE(a.due(k_start));
    EXPECT_FALSE(a.due(k_start + 50min - 1ms));
    EXPECT_TRUE(a.due(k_start + 50min));
    ASSERT_NE(a.current(k_start + 50min), nullptr); // the old one while the new one is made
    EXPECT_EQ(a.current(k_start + 50min)->reveal(), "one");
    EXPECT_NE(a.current(k_start + 59min - 1ms), nullptr);
    EXPECT_EQ(a.current(k_start + 59min), nullptr);
}

TEST(apns_token, be_28_a_new_one_takes_the_place_of_the_old) {
    auto a = minted_at(k_start);
    a.minted(secret("two"), k_start + 50min);
    EXPECT_EQ(a.current(k_start + 50min)->reveal(), "two");
    EXPECT_EQ(a.generation(), 2U);
    EXPECT_FALSE(a.due(k_start + 99min));
}

TEST(apns_token, i_19_one_from_a_clock_that_was_wrong_is_replaced) {
    const auto a = minted_at(k_start);
    EXPECT_FALSE(a.due(k_start - 30s));
    EXPECT_TRUE(a.due(k_start - 2min));
}

TEST(apns_token, be_28_refused_as_too_old_it_is_minted_anew_at_most_every_twenty_minutes_on_a_connection) {
    using remedy = apns_token::remedy;
    auto a = minted_at(k_start);
    const auto now = k_start + 45min;
    EXPECT_EQ(a.expired(1, k_start, now), remedy::mint);
    EXPECT_EQ(a.expired(1, now - 20min, now), remedy::mint);
    EXPECT_EQ(a.expired(1, now - 20min + 1ms, now), remedy::mint_and_reconnect);
    // New, and refused all the same: another one would be no better, and would count.
    EXPECT_EQ(a.expired(1, k_start, k_start + 10min), remedy::reconnect);
    a.minted(secret("two"), now);
    EXPECT_EQ(a.expired(1, k_start, now + 1s), remedy::resend); // somebody was faster
    EXPECT_EQ(a.expired(2, now, now + 1s), remedy::reconnect);
}

TEST(access_token, be_28_it_is_fetched_five_minutes_before_its_end_and_used_until_then) {
    access_token none;
    EXPECT_TRUE(none.due(k_start));
    EXPECT_EQ(none.current(k_start), nullptr);

    const auto a = fetched();
    EXPECT_FALSE(a.due(k_start + 55min - 1ms));
    EXPECT_EQ(a.due_at(k_start), k_start + 55min);
    EXPECT_TRUE(a.due(k_start + 55min));
    EXPECT_EQ(a.due_at(k_start + 55min), std::nullopt);
    ASSERT_NE(a.current(k_start + 60min - 1ms), nullptr);
    EXPECT_EQ(a.current(k_start + 60min - 1ms)->reveal(), "one");
    EXPECT_EQ(a.current(k_start + 60min), nullptr);
}

TEST(access_token, be_28_nodes_do_not_fetch_at_the_same_moment) {
    EXPECT_TRUE(fetched(1h, 0.5).due(k_start + 54min + 30s));
    EXPECT_FALSE(fetched(1h, 0.5).due(k_start + 54min + 29s));
    EXPECT_TRUE(fetched(1h, 99.0).due(k_start + 54min));
}

TEST(access_token, be_28_a_failure_keeps_the_old_one_and_the_next_try_waits) {
    auto a = fetched();
    auto now = k_start + 55min;
    a.failed(now);
    EXPECT_FALSE(a.due(now));
    EXPECT_FALSE(a.due(now + 999ms));
    EXPECT_TRUE(a.due(now + 1s));
    ASSERT_NE(a.current(now + 1s), nullptr);
    EXPECT_EQ(a.current(now + 1s)->reveal(), "one");
    std::vector<long> pauses;
    for (int i = 0; i < 8; ++i) {
        now = a.due_at(now).value_or(now);
        a.failed(now);
        pauses.push_back(static_cast<long>((*a.due_at(now) - now).count()));
    }
    EXPECT_EQ(pauses, (std::vector<long>{2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000, 60'000}));
    EXPECT_TRUE(a.fetched(secret("two"), 1h, now, 0.0));
    EXPECT_FALSE(a.due(now + 54min));
    a.failed(now + 55min);
    EXPECT_TRUE(a.due(now + 55min + 1s)); // the row of failures was over
}

TEST(access_token, be_28_an_absurd_life_is_bounded_and_none_is_a_failure) {
    EXPECT_EQ(fetched(millis::max()).due_at(k_start), k_start + 24h - 5min);
    for (const auto life : {0ms, -1ms, millis::min()}) {
        auto a = fetched();
        EXPECT_FALSE(a.fetched(secret("junk"), life, k_start + 55min, 0.0));
        EXPECT_EQ(a.current(k_start + 55min)->reveal(), "one");
        EXPECT_FALSE(a.due(k_start + 55min)); // a pause first
    }
    auto empty = fetched();
    EXPECT_FALSE(empty.fetched(secret(), 1h, k_start, 0.0));
    EXPECT_EQ(empty.current(k_start)->reveal(), "one");
    // One of minutes is renewed at half of its life, not at once and for ever.
    EXPECT_EQ(fetched(4min).due_at(k_start), k_start + 2min);
}

TEST(access_token, be_28_one_that_fcm_refuses_is_sent_no_more) {
    auto a = fetched();
    a.refused(1, k_start + 30min);
    EXPECT_EQ(a.current(k_start + 30min), nullptr);
    EXPECT_TRUE(a.due(k_start + 30min));
    EXPECT_TRUE(a.fetched(secret("two"), 1h, k_start + 30min, 0.0));
    a.refused(1, k_start + 30min + 1s); // an answer to the old one, come late
    EXPECT_EQ(a.current(k_start + 31min)->reveal(), "two");
}

TEST(access_token, i_16_tokens_that_are_refused_at_once_are_not_fetched_for_every_push) {
    access_token a;
    auto now = k_start;
    std::vector<long> pauses;
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(a.fetched(secret("x"), 1h, now, 0.0));
        a.refused(a.generation(), now + 1s);
        a.refused(a.generation(), now + 1s); // by every push that was under way
        now += 1s;
        ASSERT_TRUE(a.due_at(now));
        pauses.push_back(static_cast<long>((*a.due_at(now) - now).count()));
        now = *a.due_at(now);
    }
    EXPECT_EQ(pauses, (std::vector<long>{1000, 2000, 4000, 8000, 16'000}));
}
