// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using namespace z360::rt;
using namespace std::chrono_literals;

namespace {

void run(awaitable<void> test) {
    asio::io_context io{1};
    std::exception_ptr error;
    asio::co_spawn(io, std::move(test), [&error](std::exception_ptr e) { error = e; });
    io.run();
    if (error) std::rethrow_exception(error);
}

awaitable<int> value_after(std::chrono::milliseconds d, int v) {
    co_await sleep_for(d);
    co_return v;
}
awaitable<int> fail_after(std::chrono::milliseconds d) {
    co_await sleep_for(d);
    throw std::runtime_error("boom");
}
awaitable<void> throw_now() {
    throw std::runtime_error("child");
    co_return;
}

awaitable<void> timeouts() {
    const auto ready = co_await with_timeout(value_after(1ms, 7), 10s);
    EXPECT_EQ(ready, 7);
    const auto late = co_await with_timeout(value_after(10s, 7), 1ms);
    EXPECT_FALSE(late);
    bool threw = false;
    try {
        (void)co_await with_timeout(fail_after(1ms), 10s);
    } catch (const std::runtime_error&) {
        threw = true;
    }
    EXPECT_TRUE(threw);
}

awaitable<void> events() {
    auto ex = co_await asio::this_coro::executor;
    event e(ex);
    e.set();
    co_await e.wait(); // remembered
    const bool again = co_await e.wait_for(1ms);
    EXPECT_FALSE(again);
    e.set();
    const bool signalled = co_await e.wait_for(10s);
    EXPECT_TRUE(signalled);
}

awaitable<void> groups() {
    auto ex = co_await asio::this_coro::executor;
    int errors = 0;
    task_group g(ex, [&errors](std::exception_ptr) { ++errors; });
    g.spawn(sleep_for(1h));
    g.spawn(throw_now());
    co_await sleep_for(1ms);
    EXPECT_EQ(g.size(), 1U);
    EXPECT_EQ(errors, 1);
    const bool gone = co_await g.drain(1ms);
    EXPECT_FALSE(gone);
    co_await g.join();
    EXPECT_EQ(g.size(), 0U);
    g.spawn(sleep_for(1h)); // dropped: the group is closed
    EXPECT_EQ(g.size(), 0U);
}

awaitable<void> pool_test() {
    blocking_pool pool(1);
    const auto here = std::this_thread::get_id();
    const auto there = co_await pool.run([] { return std::this_thread::get_id(); });
    EXPECT_NE(here, there);
    EXPECT_EQ(std::this_thread::get_id(), here); // back on the loop
    bool threw = false;
    try {
        co_await pool.run([] { throw std::runtime_error("worker"); });
    } catch (const std::runtime_error&) {
        threw = true;
    }
    EXPECT_TRUE(threw);
}

awaitable<void> work_repeatedly(blocking_pool& pool, std::shared_ptr<std::atomic<int>> under_way) {
    while (true) {
        auto work = [under_way] {
            ++*under_way;
            std::this_thread::yield();
            --*under_way;
            return std::string("a result");
        };
        (void)co_await pool.run(std::move(work));
    }
}

awaitable<void> cancelled_workers() {
    auto ex = co_await asio::this_coro::executor;
    blocking_pool pool(3);
    for (int round = 0; round < 300; ++round) {
        const auto under_way = std::make_shared<std::atomic<int>>(0);
        task_group group(ex);
        for (int i = 0; i < 5; ++i)
            group.spawn(work_repeatedly(pool, under_way));
        co_await sleep_for(std::chrono::microseconds(50 * (round % 10)));
        co_await group.join();
        EXPECT_EQ(*under_way, 0) << "who is cancelled waits for their work";
    }
}

} // namespace

TEST(rt, blocking_work_may_be_cancelled_at_any_moment) {
    run(cancelled_workers());
}
TEST(rt, work_that_nobody_awaits_is_done_before_the_pool_is_gone) {
    std::atomic<int> done{0};
    {
        blocking_pool pool(1);
        for (int i = 0; i < 100; ++i)
            pool.run_unawaited([&done]() noexcept { ++done; });
    }
    EXPECT_EQ(done, 100);
}
TEST(rt, timeout_returns_value_or_nothing_or_the_error) {
    run(timeouts());
}
TEST(rt, event_remembers_a_signal_nobody_waited_for) {
    run(events());
}
TEST(rt, task_group_owns_cancels_and_joins_its_children) {
    run(groups());
}
TEST(rt, blocking_work_runs_elsewhere_and_returns_here) {
    run(pool_test());
}
