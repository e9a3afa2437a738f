// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/gcra.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::adapter::redis;

namespace {

port::rate rate_of(unsigned limit, std::int64_t window_ms) {
    return {limit, millis{window_ms}};
}

/// One bucket on a clock that the test sets.
struct bucket {
    explicit bucket(const port::rate& r) : terms(gcra_terms::of(r)) {}
    gcra_answer take(std::int64_t now) {
        const auto a = gcra(full_at - now, terms);
        full_at = now + a.debt_us;
        return a;
    }
    gcra_terms terms;
    std::int64_t full_at = 0;
};

rc::Gen<port::rate> any_rate() {
    return rc::gen::apply(rate_of, rc::gen::inRange(1U, 200U), rc::gen::inRange<std::int64_t>(1, 3'600'000));
}

struct story {
    port::rate r;
    std::vector<std::int64_t> times; ///< µs, rising
};

// Requests at gaps around the interval, with bursts and pauses in between.
story any_story() {
    story s{*any_rate(), {}};
    const auto interval = gcra_terms::of(s.r).interval_us;
    std::int64_t at = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
    const auto gaps = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::oneOf(
        rc::gen::just<std::int64_t>(0), rc::gen::inRange<std::int64_t>(0, 2 * interval + 1),
        rc::gen::inRange<std::int64_t>(0, 20 * interval)
    ));
    for (const auto gap : gaps)
        s.times.push_back(at += gap);
    return s;
}

void property(const std::string& what, auto body) {
    EXPECT_TRUE(rc::check(what, body));
}

} // namespace

TEST(gcra, sec_04_the_limit_at_once_and_not_one_more) {
    bucket b(rate_of(10, 60'000));
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(b.take(5'000'000).allowed) << i;
    const auto refused = b.take(5'000'000);
    EXPECT_FALSE(refused.allowed) << "the 11th registration in a minute";
    EXPECT_EQ(refused.retry_us, 6'000'000);
    EXPECT_FALSE(b.take(10'999'999).allowed);
    EXPECT_TRUE(b.take(11'000'000).allowed);
    EXPECT_FALSE(b.take(11'000'000).allowed);
}

TEST(gcra, sec_04_a_status_poll_every_3_s_by_5_devices_is_never_refused) {
    bucket b(rate_of(120, 60'000));
    for (std::int64_t at = 0; at < 600'000'000; at += 3'000'000)
        for (int device = 0; device < 5; ++device)
            EXPECT_TRUE(b.take(at).allowed) << at;
}

TEST(gcra, sec_04_never_more_than_the_bucket_and_what_came_back) {
    property("any interval between two granted requests", [] {
        const auto s = any_story();
        bucket b(s.r);
        std::vector<std::int64_t> granted;
        for (const auto at : s.times)
            if (b.take(at).allowed) granted.push_back(at);
        for (std::size_t i = 0; i < granted.size(); ++i)
            for (std::size_t j = i; j < granted.size(); ++j) {
                const auto came_back = (granted[j] - granted[i]) / b.terms.interval_us;
                RC_ASSERT(static_cast<std::int64_t>(j - i + 1) <= s.r.limit + came_back);
            }
    });
}

TEST(gcra, sec_04_a_refused_request_costs_nothing) {
    property("hammering does not put off the next grant", [] {
        const auto s = any_story();
        bucket b(s.r);
        for (const auto at : s.times)
            (void)b.take(at);
        bucket hammered = b;
        const auto now = s.times.empty() ? 0 : s.times.back();
        auto first = b.take(now);
        gcra_answer last = hammered.take(now);
        if (last.allowed) return;
        for (int i = 0; i < 50; ++i)
            last = hammered.take(now);
        RC_ASSERT(last.retry_us == first.retry_us);
    });
}

TEST(gcra, sec_04_retry_after_is_exact) {
    property("one µs earlier is refused, then it passes", [] {
        const auto s = any_story();
        bucket b(s.r);
        for (const auto at : s.times) {
            const bucket before = b;
            const auto a = b.take(at);
            RC_ASSERT(a.allowed == (a.retry_us == 0));
            if (a.allowed) continue;
            RC_ASSERT(a.retry_us > 0 && a.retry_us <= b.terms.interval_us);
            bucket early = before;
            bucket in_time = before;
            RC_ASSERT(!early.take(at + a.retry_us - 1).allowed);
            RC_ASSERT(in_time.take(at + a.retry_us).allowed);
        }
    });
}

TEST(gcra, sec_04_the_headers_tell_the_truth) {
    property("remaining and reset", [] {
        const auto s = any_story();
        bucket b(s.r);
        for (const auto at : s.times) {
            const auto a = b.take(at);
            const auto v = verdict_of(a, s.r, b.terms);
            RC_ASSERT(v.limit == s.r.limit);
            RC_ASSERT(v.retry_after.count() * 1'000 >= a.retry_us);
            RC_ASSERT(v.retry_after.count() * 1'000 < a.retry_us + 1'000);
            bucket spend = b;
            for (unsigned i = 0; i < v.remaining; ++i)
                RC_ASSERT(spend.take(at).allowed);
            RC_ASSERT(!spend.take(at).allowed);
            bucket rested = b;
            const auto full = at + v.reset_after.count() * 1'000;
            for (unsigned i = 0; i < s.r.limit; ++i)
                RC_ASSERT(rested.take(full).allowed);
        }
    });
}

TEST(gcra, a_clock_set_back_or_a_lowered_limit_refuses_for_one_interval_at_most) {
    property("any debt", [] {
        const auto r = *any_rate();
        const auto t = gcra_terms::of(r);
        const auto debt = *rc::gen::arbitrary<std::int64_t>();
        const auto a = gcra(debt, t);
        RC_ASSERT(a.debt_us >= 0 && a.debt_us <= t.capacity_us);
        RC_ASSERT(a.retry_us >= 0 && a.retry_us <= t.interval_us);
        if (debt <= 0) RC_ASSERT(a.allowed);
    });
}

TEST(gcra, a_limit_of_nothing_counts_as_one) {
    bucket b(rate_of(0, 1'000));
    EXPECT_TRUE(b.take(0).allowed);
    EXPECT_FALSE(b.take(0).allowed);
    EXPECT_TRUE(b.take(1'000'000).allowed);
}
