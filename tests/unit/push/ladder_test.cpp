// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When a push is sent again.
#include <z360/push/ladder.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

constexpr time_point k_start{1'780'000'000'000ms};
constexpr double k_middle = 0.5; // no spread

attempt not_processed() {
    return {transport::not_processed, {}};
}
attempt lost() {
    return {transport::unknown, {}};
}
attempt answered(judgement what, std::optional<millis> retry_after = std::nullopt) {
    attempt a;
    a.what.what = what;
    a.what.retry_after = retry_after;
    return a;
}
attempt trouble(std::optional<millis> retry_after = std::nullopt) {
    return answered(judgement::retry, retry_after);
}
attempt changed(changes first) {
    auto a = answered(judgement::retry);
    a.what.first = first;
    a.what.at_once = true;
    return a;
}

/// One push of which every attempt comes to the same.
struct run {
    kind k = kind::incoming_call;
    provider at = provider::apns;
    millis worth = 30s;
    progress p{};
    time_point now = k_start;

    [[nodiscard]] limits until() const { return limits_of(k, k_start, k_start + worth); }
    next_step step(const attempt& a, double chance = k_middle) {
        auto out = after(p, k, at, a, until(), now, chance);
        now += out.pause;
        return out;
    }
    /// Pauses until it stops, at most `most`.
    std::vector<long> pauses(const attempt& a, std::size_t most = 50) {
        std::vector<long> out;
        while (out.size() < most) {
            const auto next = step(a);
            if (next.why != stop::none) break;
            out.push_back(static_cast<long>(next.pause.count()));
        }
        return out;
    }
};

} // namespace

TEST(push_ladder, be_14_a_call_is_tried_again_after_200_600_and_1500_ms_then_until_the_ring_is_nearly_over) {
    for (const auto at : {provider::apns, provider::fcm}) {
        run r{.at = at};
        const std::vector<long> expected{200, 600, 1500, 3000, 3000, 3000, 3000, 3000, 3000, 3000};
        EXPECT_EQ(r.pauses(trouble()), expected);
        EXPECT_LE(r.now, k_start + 25s); // five seconds to wake up and answer
    }
}

TEST(push_ladder, be_46_other_ways_are_tried_when_the_quick_retries_are_used_up) {
    run r;
    for (int i = 0; i < 3; ++i) {
        const auto next = r.step(trouble());
        EXPECT_FALSE(next.fall_back) << i;
        EXPECT_TRUE(next.counted);
    }
    const auto next = r.step(trouble());
    EXPECT_EQ(next.why, stop::none); // it goes on
    EXPECT_TRUE(next.fall_back);
    run dead;
    EXPECT_TRUE(dead.step(answered(judgement::dead_token)).fall_back);
    run wrong;
    EXPECT_TRUE(wrong.step(answered(judgement::configuration)).fall_back);
    run fine;
    EXPECT_FALSE(fine.step(answered(judgement::done)).fall_back);
}

TEST(push_ladder, be_14_two_failures_of_fcm_cost_less_than_1200_ms_by_any_chance) {
    for (const double chance : {0.0, 0.3, 0.999999}) {
        run r{.at = provider::fcm};
        EXPECT_EQ(r.step(trouble(), chance).why, stop::none);
        EXPECT_EQ(r.step(trouble(), chance).why, stop::none);
        EXPECT_LE(r.now - k_start, 1200ms);
        EXPECT_EQ(r.step(answered(judgement::done)).why, stop::accepted);
    }
}

TEST(push_ladder, be_14_chance_spreads_a_pause_by_a_quarter_and_nonsense_is_none) {
    const auto pause = [](double chance) { return run{}.step(trouble(), chance).pause; };
    EXPECT_EQ(pause(0.0), 150ms);
    EXPECT_EQ(pause(0.5), 200ms);
    EXPECT_EQ(pause(1.0), 250ms);
    EXPECT_EQ(pause(7.0), 250ms);
    EXPECT_EQ(pause(-1.0), 150ms);
    EXPECT_EQ(pause(std::nan("")), 150ms);
}

TEST(push_ladder, be_14_a_pause_that_the_provider_asks_for_is_kept_and_never_shortened) {
    for (const double chance : {0.0, 0.5, 0.99}) {
        run r;
        const auto next = r.step(answered(judgement::later, 1s), chance);
        EXPECT_EQ(next.why, stop::none);
        EXPECT_GE(next.pause, 1s);
        EXPECT_LE(next.pause, 1100ms);
    }
    run r{.at = provider::fcm};
    EXPECT_GE(r.step(trouble(4s)).pause, 4s);
    EXPECT_GE(r.now, k_start + 4s);
}

TEST(push_ladder, be_14_a_pause_beyond_the_ring_is_no_retry_but_the_end) {
    for (const auto pause : {millis{25'001}, millis{60'000}, millis{86'400'000}}) {
        run r;
        const auto next = r.step(trouble(pause));
        EXPECT_EQ(next.why, stop::too_late);
        EXPECT_TRUE(next.fall_back);
    }
    run negative;
    EXPECT_EQ(negative.step(trouble(-5s)).pause, 0ms);
}

TEST(push_ladder, mob_16_nothing_is_sent_again_in_the_last_seconds_of_a_ring) {
    const auto until = limits_of(kind::incoming_call, k_start, k_start + 30s);
    EXPECT_EQ(until.last_try, k_start + 25s);
    EXPECT_EQ(until.deadline, k_start + 30s);
    // A short ring keeps most of itself.
    EXPECT_EQ(limits_of(kind::incoming_call, k_start, k_start + 8s).last_try, k_start + 6s);
    // One whose end is before its beginning is over.
    EXPECT_EQ(limits_of(kind::incoming_call, k_start, k_start - 1s).last_try, k_start - 1s);
    // Others have no such need.
    EXPECT_EQ(limits_of(kind::call_ended, k_start, k_start + 30s).last_try, k_start + 30s);

    run r;
    r.now = k_start + 24'900ms;
    EXPECT_EQ(r.step(trouble()).why, stop::too_late);
    run on_time;
    on_time.now = k_start + 24'800ms;
    EXPECT_EQ(on_time.step(trouble()).why, stop::none);
}

TEST(push_ladder, be_14_an_end_is_told_five_times_within_half_a_minute) {
    for (const auto at : {provider::apns, provider::fcm}) {
        run r{.k = kind::call_ended, .at = at, .worth = 60s};
        EXPECT_EQ(r.pauses(trouble()), (std::vector<long>{500, 1500, 4000, 10'000}));
        EXPECT_EQ(r.step(trouble()).why, stop::exhausted);
        EXPECT_LE(r.now, k_start + 30s);
    }
}

TEST(push_ladder, be_28_messages_wait_as_the_providers_ask) {
    for (const auto k :
         {kind::missed_call, kind::business, kind::session_warning, kind::push_token_required}) {
        run apple{.k = k, .at = provider::apns, .worth = 24h};
        EXPECT_EQ(apple.pauses(trouble()), (std::vector<long>{900'000, 1'800'000, 3'600'000})) << name(k);
        run google{.k = k, .at = provider::fcm, .worth = 24h};
        const auto pauses = google.pauses(trouble(), 12);
        const std::vector<long> expected{10'000,  20'000,    40'000,    80'000,    160'000,   320'000,
                                         640'000, 1'280'000, 2'560'000, 3'600'000, 3'600'000, 3'600'000};
        EXPECT_EQ(pauses, expected) << name(k);
    }
}

TEST(push_ladder, be_14_what_was_not_processed_goes_at_once_and_counts_for_nothing) {
    run r;
    for (int i = 0; i < 3; ++i) {
        const auto next = r.step(not_processed());
        EXPECT_EQ(next.why, stop::none);
        EXPECT_EQ(next.pause, 0ms);
        EXPECT_FALSE(next.counted);
        EXPECT_FALSE(next.fall_back);
    }
    // A server that refuses everything is not asked in a tight loop.
    EXPECT_EQ(r.step(not_processed()).pause, 100ms);
    // And the ladder begins where it would have.
    EXPECT_EQ(r.step(trouble()).pause, 200ms);
    EXPECT_EQ(r.step(not_processed()).pause, 0ms);
    EXPECT_EQ(r.step(trouble()).pause, 600ms);
}

TEST(push_ladder, be_14_a_first_attempt_that_was_not_processed_may_still_be_made_until_the_ring_ends) {
    run first;
    first.now = k_start + 28s;
    EXPECT_EQ(first.step(not_processed()).why, stop::none);
    first.now = k_start + 30s + 1ms;
    EXPECT_EQ(first.step(not_processed()).why, stop::too_late);
    run later;
    later.step(trouble());
    later.now = k_start + 28s;
    EXPECT_EQ(later.step(not_processed()).why, stop::too_late);
}

TEST(push_ladder, be_14_an_unknown_outcome_is_sent_once_more_and_after_a_200_never) {
    run r;
    const auto next = r.step(lost());
    EXPECT_EQ(next.why, stop::none);
    EXPECT_EQ(next.pause, 0ms);
    EXPECT_TRUE(next.first.other_connection);
    EXPECT_TRUE(next.counted);
    EXPECT_EQ(r.step(lost()).why, stop::exhausted);
    run answered_then;
    answered_then.step(lost());
    EXPECT_EQ(answered_then.step(answered(judgement::done)).why, stop::accepted);
    run message{.k = kind::business, .worth = 1h};
    EXPECT_EQ(message.step(lost()).pause, 10s);
}

TEST(push_ladder, be_14_a_device_that_is_sent_too_much_gets_a_call_once_more) {
    for (const double chance : {0.0, 0.5, 0.99}) {
        run r;
        const auto next = r.step(answered(judgement::later), chance);
        EXPECT_GE(next.pause, 1s);
        EXPECT_LE(next.pause, 2s);
        EXPECT_EQ(r.step(answered(judgement::later)).why, stop::exhausted);
    }
    run message{.k = kind::business, .at = provider::fcm, .worth = 24h};
    EXPECT_EQ(
        message.pauses(answered(judgement::later), 4), (std::vector<long>{60'000, 120'000, 240'000, 480'000})
    );
}

TEST(push_ladder, be_28_at_the_projects_limit_a_call_waits_only_if_it_is_told_how_long) {
    auto all = answered(judgement::later);
    all.what.for_all = true;
    run r{.at = provider::fcm};
    EXPECT_EQ(r.step(all).why, stop::exhausted);
    all.what.retry_after = 3s;
    run told{.at = provider::fcm};
    EXPECT_EQ(told.step(all).why, stop::none);
    EXPECT_GE(told.now, k_start + 3s);
}

TEST(push_ladder, be_14_one_thing_is_changed_and_the_push_goes_at_once) {
    const std::vector<changes> all{
        {.fresh_token = true},
        {.other_environment = true},
        {.smaller = true},
        {.new_connection = true},
        {.other_connection = true}
    };
    for (const auto& c : all) {
        run r;
        const auto next = r.step(changed(c));
        EXPECT_EQ(next.why, stop::none);
        EXPECT_EQ(next.pause, 0ms);
        EXPECT_EQ(next.first, c);
        EXPECT_EQ(r.p.tried, c); // what judges the next answer
        EXPECT_EQ(r.p.failed, 0U);
    }
}
