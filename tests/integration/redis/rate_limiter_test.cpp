// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rate limits against a real Redis, shared by two nodes, lost, and found again.
#include "../../component/redis/support.hpp"
#include "adapter/redis/gcra.hpp"
#include "adapter/redis/rate_limiter.hpp"
#include "redis_process.hpp"

#include <cstdint>
#include <memory>
#include <optional>

using namespace z360;
using namespace z360::adapter::redis;
using namespace z360::adapter::redis::test;

namespace {

// Long enough that nothing comes back while a test runs.
const port::rate k_ten{10, millis{3'600'000}};

struct node {
    node(asio::any_io_executor ex, std::uint16_t port) {
        session_settings s;
        s.where.host = "127.0.0.1";
        s.where.port = port;
        link = std::make_unique<session>(ex, std::move(s), metrics);
        link->start();
        limiter = make_rate_limiter(*link, "t:", metrics);
    }
    awaitable<void> ready(bool up = true) {
        const bool so = co_await until([this, up] { return link->healthy() == up; });
        EXPECT_TRUE(so) << (up ? "not ready in time" : "did not notice in time");
    }
    awaitable<unsigned> take(std::string key, unsigned tries) {
        unsigned granted = 0;
        for (unsigned i = 0; i < tries; ++i) {
            const auto v = co_await limiter->take(key, k_ten);
            if (v.allowed) ++granted;
        }
        co_return granted;
    }

    counting_metrics metrics;
    std::unique_ptr<session> link;
    std::unique_ptr<port::rate_limiter> limiter;
};

struct pair {
    explicit pair(asio::any_io_executor ex) : one(ex, server.port), two(ex, server.port) {}
    redis_process server;
    node one;
    node two;
};

using body = awaitable<void> (*)(pair&);

awaitable<void> with_pair(body b) {
    auto ex = co_await asio::this_coro::executor;
    pair nodes(ex);
    co_await nodes.one.ready();
    co_await nodes.two.ready();
    co_await b(nodes);
    co_await nodes.one.link->stop();
    co_await nodes.two.link->stop();
}

class redis_rate_limits : public testing::Test {
  protected:
    void SetUp() override {
        if (!redis_process::installed()) GTEST_SKIP() << "/usr/bin/redis-server is not installed";
    }
    static void play(body b) {
        asio::io_context io{1};
        run(with_pair(b), io);
    }
};

awaitable<void> looks(pair& p) {
    for (int i = 0; i < 30; ++i) {
        const auto v = co_await p.one.limiter->look("address:1", k_ten);
        EXPECT_TRUE(v.allowed);
        EXPECT_EQ(v.remaining, 10U);
    }
    const auto granted = co_await p.two.take("address:1", 30);
    EXPECT_EQ(granted, 10U);
    const auto v = co_await p.one.limiter->look("address:1", k_ten);
    EXPECT_FALSE(v.allowed) << "what the other node took is seen";
    EXPECT_GT(v.retry_after, millis{0});
    EXPECT_EQ(p.one.metrics.of("rate_limit_fallback_total"), 0);
}

awaitable<void> one_limit(pair& p) {
    const auto a = co_await p.one.take("device:1", 6);
    const auto b = co_await p.two.take("device:1", 30);
    const auto c = co_await p.one.take("device:1", 30);
    EXPECT_EQ(a, 6U);
    EXPECT_EQ(b, 4U);
    EXPECT_EQ(c, 0U);
    const auto apart = co_await p.two.take("device:2", 30);
    EXPECT_EQ(apart, 10U);
    const auto v = co_await p.two.limiter->take("device:1", k_ten);
    EXPECT_GT(v.retry_after, millis{330'000});
    EXPECT_LE(v.retry_after, millis{360'000}) << "one comes back every 6 minutes";
    std::vector<std::string> pttl{"PTTL", "t:rate:device:1"};
    const auto life = co_await p.one.link->command(std::move(pttl));
    const auto* ms = life.as<integer_reply>();
    EXPECT_NE(ms, nullptr);
    if (ms != nullptr) {
        EXPECT_GT(ms->value, 3'500'000);
        EXPECT_LE(ms->value, 3'600'000) << "a full bucket is no key";
    }
    EXPECT_EQ(p.one.metrics.of("rate_limit_fallback_total"), 0);
    EXPECT_EQ(p.two.metrics.of("rate_limit_fallback_total"), 0);
}

awaitable<void> away_and_back(pair& p) {
    const auto before = co_await p.one.take("device:1", 3);
    EXPECT_EQ(before, 3U);
    p.server.kill();
    co_await p.one.ready(false);
    co_await p.two.ready(false);
    const auto alone = co_await p.one.take("device:1", 30);
    EXPECT_EQ(alone, 7U) << "goes on from what it knew";
    const auto elsewhere = co_await p.two.take("device:1", 4);
    EXPECT_EQ(elsewhere, 4U) << "each process for itself";
    EXPECT_EQ(p.one.metrics.of("rate_limit_fallback_total"), 30);
    p.server.start(); // it has forgotten everything
    co_await p.one.ready();
    co_await p.two.ready();
    const auto back = co_await p.two.take("device:1", 2);
    EXPECT_EQ(back, 2U);
    const auto used_up = co_await p.one.take("device:1", 30);
    EXPECT_EQ(used_up, 0U) << "its own ten were told to the new Redis";
    const auto shared = co_await p.two.take("device:1", 30);
    EXPECT_EQ(shared, 0U) << "and so the other node knows";
    const auto fresh = co_await p.one.take("device:2", 5);
    const auto rest = co_await p.two.take("device:2", 30);
    EXPECT_EQ(fresh, 5U);
    EXPECT_EQ(rest, 5U) << "shared again";
}

awaitable<void> same_arithmetic(pair& p) {
    // Redis and the process must count alike, else a fallback would change the limit.
    const auto alone = make_local_rate_limiter();
    for (const auto& r :
         {port::rate{7, millis{600'000}}, port::rate{3, millis{1'000'000}}, port::rate{1, millis{50'000}}}) {
        const auto key = "parity:" + std::to_string(r.limit);
        for (int i = 0; i < 10; ++i) {
            const auto far = co_await p.one.limiter->take(key, r);
            const auto near = co_await alone->take(key, r);
            EXPECT_EQ(far.allowed, near.allowed) << key << " " << i;
            EXPECT_EQ(far.remaining, near.remaining) << key << " " << i;
            EXPECT_NEAR(
                static_cast<double>(far.retry_after.count()), static_cast<double>(near.retry_after.count()),
                2'000
            );
        }
    }
}

awaitable<void> comes_back(pair& p) {
    const port::rate quick{5, millis{500}};
    unsigned granted = 0;
    const auto began = steady::now();
    const auto end = began + 2s;
    while (steady::now() < end) {
        const auto v = co_await p.one.limiter->take("quick", quick);
        if (v.allowed)
            ++granted;
        else
            EXPECT_LE(v.retry_after, millis{100});
        const auto w = co_await p.two.limiter->take("quick", quick);
        if (w.allowed) ++granted;
        co_await rt::sleep_for(1ms); // tidy: allow, between two requests of a loop over 2 s
    }
    const auto took = std::chrono::duration_cast<millis>(steady::now() - began).count();
    EXPECT_LE(granted, 5U + static_cast<unsigned>(took / 100));
    EXPECT_GE(granted, 15U) << "the limit is there to be used";
}

} // namespace

TEST_F(redis_rate_limits, sec_04_a_look_takes_nothing_and_sees_what_others_took) {
    play(looks);
}
TEST_F(redis_rate_limits, sec_04_two_nodes_share_one_limit) {
    play(one_limit);
}
TEST_F(redis_rate_limits, sec_04_limits_hold_per_process_without_redis_and_are_shared_again_after_it) {
    play(away_and_back);
}
TEST_F(redis_rate_limits, sec_04_redis_and_the_process_count_alike) {
    play(same_arithmetic);
}
TEST_F(redis_rate_limits, sec_04_requests_come_back_evenly_for_both_nodes_together) {
    play(comes_back);
}
