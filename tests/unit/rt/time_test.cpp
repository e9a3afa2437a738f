// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whatever waits does so in the time that it is given: hours of a source's time pass at once, in order, and a
// wait that is given up ends as one of the machine's clock would.
#include "support/told_time.hpp"

#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace rt = z360::rt;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

class time_test : public ::testing::Test {
  protected:
    void start(rt::awaitable<void> what) {
        asio::co_spawn(io, std::move(what), [this](std::exception_ptr e) {
            said.push_back(e ? "threw" : "done");
        });
    }
    z360::testing::told_time time;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> open{io.get_executor()};
    std::vector<std::string> said;
};

rt::awaitable<void> say_after(rt::clock::duration d, std::string word, std::vector<std::string>* to) {
    co_await rt::sleep_for(d);
    to->push_back(std::move(word));
}

rt::awaitable<void> wait_for_event(rt::event* e, rt::clock::duration limit, std::vector<std::string>* to) {
    const bool told = co_await e->wait_for(limit);
    to->push_back(told ? "told" : "not told");
}

rt::awaitable<void> limited(rt::clock::duration op, rt::clock::duration limit, std::vector<std::string>* to) {
    std::vector<std::string> mine;
    auto work = [](rt::clock::duration d) -> rt::awaitable<int> {
        co_await rt::sleep_for(d);
        co_return 7;
    };
    const auto got = co_await rt::with_timeout(work(op), limit);
    to->push_back(got ? "in time" : "too late");
}

rt::awaitable<void> join(rt::task_group* g) {
    co_await g->join();
}

} // namespace

TEST_F(time_test, hours_pass_at_once_and_in_order) {
    start(say_after(3h, "third", &said));
    start(say_after(1h, "first", &said));
    start(say_after(2h, "second", &said));
    const auto before = rt::clock::now();
    time.run(io, 90min);
    EXPECT_EQ(said, (std::vector<std::string>{"first", "done"}));
    time.run(io, 10h);
    EXPECT_EQ(said, (std::vector<std::string>{"first", "done", "second", "done", "third", "done"}));
    EXPECT_EQ(rt::clock::now() - before, 90min + 10h);
}

TEST_F(time_test, an_event_ends_a_wait_before_its_time_and_leaves_none_behind) {
    rt::event e(io.get_executor());
    start(wait_for_event(&e, 1h, &said));
    time.run(io, 1min);
    EXPECT_EQ(time.waiting(), 1U);
    e.set();
    time.run(io, 0s);
    EXPECT_EQ(said, (std::vector<std::string>{"told", "done"}));
    EXPECT_EQ(time.waiting(), 0U);
    start(wait_for_event(&e, 1h, &said));
    time.run(io, 2h);
    EXPECT_EQ(said.at(2), "not told");
}

TEST_F(time_test, a_time_limit_holds_on_both_sides) {
    start(limited(1s, 2s, &said));
    start(limited(2s, 1s, &said));
    time.run(io, 1h);
    EXPECT_EQ(said, (std::vector<std::string>{"in time", "done", "too late", "done"}));
    EXPECT_EQ(time.waiting(), 0U);
}

TEST_F(time_test, cancelling_ends_every_wait_without_time_passing) {
    rt::task_group g(io.get_executor());
    rt::event never(io.get_executor());
    g.spawn(say_after(1h, "slept", &said));
    g.spawn(wait_for_event(&never, 1h, &said));
    g.spawn(limited(1h, 2h, &said));
    time.run(io, 1s);
    const auto before = rt::clock::now();
    start(join(&g));
    time.run(io, 0s);
    EXPECT_EQ(said, std::vector<std::string>{"done"}) << "the join, and nothing that was cancelled";
    EXPECT_EQ(rt::clock::now(), before);
    EXPECT_EQ(time.waiting(), 0U);
}

TEST_F(time_test, loops_keep_their_period) {
    rt::supervisor loops(io.get_executor());
    int rounds = 0;
    rt::loop_settings s{.name = "counting", .period = 10s, .late_after = 1min};
    loops.run(s, [&rounds]() -> rt::awaitable<void> {
        ++rounds;
        co_return;
    });
    time.run(io, 1h);
    EXPECT_EQ(rounds, 361);
    EXPECT_FALSE(loops.states().at(0).late);
    auto end = [](rt::supervisor* of) -> rt::awaitable<void> { co_await of->join(); };
    start(end(&loops));
    time.run(io, 0s);
    EXPECT_EQ(said, std::vector<std::string>{"done"});
}
