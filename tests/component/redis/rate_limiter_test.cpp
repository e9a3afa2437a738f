// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/rate_limiter.hpp"
#include "bed.hpp"

#include <cstdint>

using namespace z360;
using namespace z360::adapter::redis;
using namespace z360::adapter::redis::test;

namespace {

const port::rate k_ten{10, millis{60'000}};

std::string told(bool allowed, std::int64_t debt_us, std::int64_t wait_us) {
    return "*3\r\n:" + std::string(allowed ? "1" : "0") + "\r\n:" + std::to_string(debt_us) +
           "\r\n:" + std::to_string(wait_us) + "\r\n";
}

/// A clock in µs that stands until it is moved.
struct hand {
    std::int64_t us = 1'000'000;
    rate_settings settings(std::size_t max_local = 100) {
        rate_settings s;
        s.max_local = max_local;
        s.now_us = [this] { return us; };
        return s;
    }
};

awaitable<unsigned> granted_of(port::rate_limiter* l, std::string key, unsigned tries) {
    unsigned granted = 0;
    for (unsigned i = 0; i < tries; ++i) {
        const auto v = co_await l->take(key, k_ten);
        if (v.allowed) ++granted;
    }
    co_return granted;
}

awaitable<void> asks_in_one_step(bed& b) {
    b.server.answer = [](const std::vector<std::string>&) { return told(true, 6'000'500, 0); };
    b.start();
    co_await b.ready();
    const auto limiter = make_rate_limiter(*b.client, "env:", b.metrics);
    const auto v = co_await limiter->take("credentials:device:42", k_ten);
    EXPECT_TRUE(v.allowed);
    EXPECT_EQ(v.limit, 10U);
    EXPECT_EQ(v.remaining, 8U);
    EXPECT_EQ(v.retry_after, millis{0});
    EXPECT_EQ(v.reset_after, millis{6'001});
    EXPECT_EQ(b.server.seen.size(), 2U) << "PING and one command";
    const auto& w = b.server.seen.back();
    EXPECT_EQ(w.size(), 7U);
    EXPECT_EQ(w[0], "EVAL");
    EXPECT_EQ(w[3], "env:rate:credentials:device:42");
    EXPECT_EQ(w[4], "6000000");
    EXPECT_EQ(w[5], "60000000");
    EXPECT_EQ(w[6], "0");
    b.server.answer = [](const std::vector<std::string>&) { return told(false, 58'000'000, 4'000'000); };
    const auto refused = co_await limiter->take("credentials:device:42", k_ten);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.remaining, 0U);
    EXPECT_EQ(refused.retry_after, millis{4'000});
    EXPECT_EQ(b.metrics.of("rate_limit_fallback_total"), 0);
}

awaitable<void> away_keeps_limits(bed& b) {
    co_await b.server.stop();
    b.start();
    hand clock;
    const auto limiter = make_rate_limiter(*b.client, "t:", b.metrics, clock.settings());
    const auto first = co_await granted_of(limiter.get(), "a", 30);
    const auto other = co_await granted_of(limiter.get(), "b", 30);
    EXPECT_EQ(first, 10U);
    EXPECT_EQ(other, 10U) << "buckets are apart";
    const auto v = co_await limiter->take("a", k_ten);
    EXPECT_EQ(v.retry_after, millis{6'000});
    clock.us += 6'000'000;
    const auto later = co_await granted_of(limiter.get(), "a", 30);
    EXPECT_EQ(later, 1U);
    EXPECT_EQ(b.metrics.of("rate_limit_fallback_total"), 91);
}

awaitable<void> loss_is_no_fresh_burst(bed& b) {
    // Redis has counted seven: four of them are other nodes'.
    b.server.answer = [](const std::vector<std::string>&) { return told(true, 42'000'000, 0); };
    b.start();
    co_await b.ready();
    hand clock;
    const auto limiter = make_rate_limiter(*b.client, "t:", b.metrics, clock.settings());
    for (int i = 0; i < 3; ++i)
        (void)co_await limiter->take("a", k_ten);
    EXPECT_EQ(b.metrics.of("rate_limit_fallback_total"), 0);
    co_await b.server.stop();
    const bool noticed = co_await until([&b] { return !b.client->healthy(); });
    EXPECT_TRUE(noticed);
    const auto granted = co_await granted_of(limiter.get(), "a", 30);
    EXPECT_EQ(granted, 3U) << "what was left of the shared bucket";
}

awaitable<void> tells_redis_afterwards(bed& b) {
    b.settings.budget = 50ms;
    b.start();
    co_await b.ready();
    hand clock;
    const auto limiter = make_rate_limiter(*b.client, "t:", b.metrics, clock.settings());
    const auto granted =
        co_await granted_of(limiter.get(), "a", 4); // nothing is sent back: one time-out, then skipped
    EXPECT_EQ(granted, 4U);
    EXPECT_EQ(b.metrics.of("rate_limit_fallback_total"), 4);
    b.server.answer = [](const std::vector<std::string>& w) {
        return w.size() > 6 ? told(true, 30'000'000, 0) : std::string("+OK\r\n");
    };
    co_await b.server.say(told(true, 1, 0)); // the late answer
    const auto asked_before = b.server.seen.size();
    const auto heard = [&b, asked_before] {
        const auto& seen = b.server.seen;
        return seen.size() > asked_before && seen.back().front() == "EVAL";
    };
    const auto end = steady::now() + 5s;
    while (!heard() && steady::now() < end) {
        (void)co_await limiter->take("a", k_ten);
        co_await rt::sleep_for(10ms);
    }
    EXPECT_TRUE(heard());
    // 4 and however many were granted until it answered, at most all; each is 6 s of debt
    const auto debt = std::stoll(b.server.seen.back().at(6));
    EXPECT_GE(debt, 24'000'000);
    EXPECT_LE(debt, 60'000'000);
    (void)co_await limiter->take("a", k_ten);
    EXPECT_EQ(b.server.seen.back().at(6), "0") << "told once";
}

awaitable<void> nonsense_is_a_fallback(bed& b) {
    b.start();
    co_await b.ready();
    hand clock;
    const auto limiter = make_rate_limiter(*b.client, "t:", b.metrics, clock.settings());
    unsigned granted = 0;
    unsigned asked = 0;
    for (const std::string& reply :
         {std::string("-READONLY You can't write against a read only replica.\r\n"), std::string("+OK\r\n"),
          std::string(":1\r\n"), std::string("$-1\r\n"), std::string("*0\r\n"),
          std::string("*2\r\n:1\r\n:0\r\n"), std::string("*3\r\n:1\r\n:0\r\n$1\r\n0\r\n"), told(true, -1, 0),
          told(true, 60'000'001, 0), told(false, 0, -1)})
        for (int i = 0; i < 3; ++i) {
            b.server.answer = [reply](const std::vector<std::string>&) { return reply; };
            const auto v = co_await limiter->take("a", k_ten);
            ++asked;
            if (v.allowed) ++granted;
        }
    EXPECT_EQ(granted, 10U);
    EXPECT_EQ(b.metrics.of("rate_limit_fallback_total"), asked);
}

awaitable<void> table_is_bounded(bed& b) {
    b.start();
    hand clock;
    const auto limiter = make_local_rate_limiter(clock.settings(3));
    for (const char* key : {"a", "b", "c"}) {
        const auto granted = co_await granted_of(limiter.get(), key, 30);
        EXPECT_EQ(granted, 10U);
    }
    const auto used = co_await granted_of(limiter.get(), "a", 1); // asked about again: b is the oldest now
    const auto added = co_await granted_of(limiter.get(), "d", 30);
    const auto kept = co_await granted_of(limiter.get(), "a", 30);
    const auto forgotten = co_await granted_of(limiter.get(), "b", 30);
    EXPECT_EQ(used, 0U);
    EXPECT_EQ(added, 10U);
    EXPECT_EQ(kept, 0U);
    EXPECT_EQ(forgotten, 10U) << "room was made for d";
}

awaitable<void> looks_take_nothing(bed& b) {
    b.start(); // not connected yet: this process' own
    hand clock;
    const auto limiter = make_local_rate_limiter(clock.settings());
    for (int i = 0; i < 30; ++i) {
        const auto v = co_await limiter->look("a", k_ten);
        EXPECT_TRUE(v.allowed);
        EXPECT_EQ(v.remaining, 10U);
    }
    const auto granted = co_await granted_of(limiter.get(), "a", 30);
    EXPECT_EQ(granted, 10U);
    const auto full = co_await limiter->look("a", k_ten);
    EXPECT_FALSE(full.allowed);
    EXPECT_EQ(full.retry_after, millis{6'000});
    clock.us += 6'000'000;
    const auto again = co_await limiter->look("a", k_ten);
    EXPECT_TRUE(again.allowed);
    EXPECT_EQ(again.remaining, 1U);
}

awaitable<void> tells_redis_that_it_only_looks(bed& b) {
    b.server.answer = [](const std::vector<std::string>&) { return told(true, 6'000'000, 0); };
    b.start();
    co_await b.ready();
    const auto limiter = make_rate_limiter(*b.client, "env:", b.metrics);
    const auto v = co_await limiter->look("failed-auth:192.0.2.1", k_ten);
    EXPECT_TRUE(v.allowed);
    EXPECT_EQ(v.remaining, 9U);
    EXPECT_EQ(b.server.seen.back().size(), 8U);
    EXPECT_EQ(b.server.seen.back().back(), "0");
}

awaitable<void> take_into(port::rate_limiter* l, std::optional<port::rate_verdict>* out) {
    *out = co_await l->take("a", k_ten);
}

awaitable<void> answers_within_the_budget(bed& b) {
    b.start();
    co_await b.ready();
    const auto limiter = make_rate_limiter(*b.client, "t:", b.metrics);
    auto ex = co_await asio::this_coro::executor;
    rt::task_group group(ex);
    std::vector<std::optional<port::rate_verdict>> verdicts(200);
    const auto began = steady::now();
    for (auto& v : verdicts)
        group.spawn(take_into(limiter.get(), &v));
    const bool done = co_await group.drain(5s);
    EXPECT_TRUE(done);
    EXPECT_LT(steady::now() - began, 2s) << "200 budgets would be 10 s";
    unsigned granted = 0;
    for (const auto& v : verdicts)
        if (v && v->allowed) ++granted;
    EXPECT_EQ(granted, 10U);
    co_await group.join();
}

} // namespace

TEST(rate_limiter, sec_04_one_request_is_one_command_with_the_key_under_the_prefix) {
    play(asks_in_one_step);
}
TEST(rate_limiter, sec_04_without_redis_limits_hold_in_this_process) {
    play(away_keeps_limits);
}
TEST(rate_limiter, sec_04_a_loss_of_redis_hands_out_no_fresh_burst) {
    play(loss_is_no_fresh_burst);
}
TEST(rate_limiter, sec_04_what_was_granted_meanwhile_is_told_when_redis_is_back) {
    play(tells_redis_afterwards);
}
TEST(rate_limiter, sec_04_a_refusing_or_senseless_redis_is_as_good_as_none) {
    play(nonsense_is_a_fallback);
}
TEST(rate_limiter, sec_04_a_stall_delays_nobody_beyond_the_budget_and_lets_no_more_through) {
    play(answers_within_the_budget);
}
TEST(rate_limiter, sec_04_a_look_takes_nothing) {
    play(looks_take_nothing);
    play(tells_redis_that_it_only_looks);
}
TEST(rate_limiter, the_local_table_is_bounded_and_forgets_the_oldest) {
    play(table_is_bounded);
}
