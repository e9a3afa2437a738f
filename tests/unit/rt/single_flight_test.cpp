// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/told_time.hpp"

#include <z360/rt/single_flight.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rt = z360::rt;
using namespace std::chrono_literals;

namespace {

struct airport : ::testing::Test {
    using flights = rt::flights<std::string, int>;

    z360::testing::told_time time;
    boost::asio::io_context io{1};
    flights all;
    std::unique_ptr<rt::task_group> tasks = std::make_unique<rt::task_group>(io.get_executor());
    int started = 0;
    std::vector<std::string> said;

    rt::awaitable<void> fly(flights::end end, flights::pointer f, rt::clock::duration takes) {
        ++started;
        co_await rt::sleep_for(takes);
        f->result = started;
        end.reset();
        co_await rt::sleep_for(1h); // what a run does after its end is its own affair
    }
    rt::awaitable<void> wait(std::string about, rt::clock::duration patience) {
        const auto until = rt::clock::now() + patience;
        bool created = false;
        auto f = all.join(about, until, created);
        if (created) {
            auto end = std::make_unique<flights::landing>(all, about, f);
            tasks->spawn(fly(std::move(end), f, 1s));
        }
        const bool landed = co_await flights::wait(f, until);
        if (!landed)
            said.emplace_back("too late");
        else
            said.push_back(f->result ? about + std::to_string(*f->result) : "nothing");
    }
    void start(std::string about, rt::clock::duration patience = 10s) {
        boost::asio::co_spawn(io, wait(std::move(about), patience), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
    }
    void stop() {
        boost::asio::co_spawn(io, tasks->join(), [](const std::exception_ptr&) {});
        time.run(io, 1s);
    }
    void TearDown() override { stop(); }
};

using words = std::vector<std::string>;

} // namespace

TEST_F(airport, all_who_ask_the_same_meanwhile_share_one_run) {
    start("a");
    start("a");
    time.run(io, 500ms);
    start("a");
    start("b");
    EXPECT_TRUE(all.under_way("a"));
    time.run(io, 600ms);
    EXPECT_EQ(said, (words{"a2", "a2", "a2"})) << "b's was the second to start";
    EXPECT_FALSE(all.under_way("a"));
    EXPECT_EQ(all.size(), 1U);
    time.run(io, 1s);
    EXPECT_EQ(said.back(), "b2");
    start("a");
    time.run(io, 2s);
    EXPECT_EQ(said.back(), "a3") << "what has landed is not handed out again";
    EXPECT_EQ(started, 3);
}

TEST_F(airport, who_gives_up_waiting_ends_nothing) {
    start("a", 100ms);
    start("a");
    time.run(io, 200ms);
    EXPECT_EQ(said, (words{"too late"}));
    EXPECT_TRUE(all.under_way("a"));
    time.run(io, 1s);
    EXPECT_EQ(said, (words{"too late", "a1"}));
}

TEST_F(airport, a_run_that_is_cut_off_wakes_everybody) {
    start("a");
    start("a");
    time.run(io, 100ms);
    stop();
    EXPECT_EQ(said, (words{"nothing", "nothing"}));
    EXPECT_EQ(all.size(), 0U);
}

TEST_F(airport, a_run_that_never_starts_wakes_everybody) {
    stop(); // after it nothing is spawned any more
    start("a");
    time.run(io, 100ms);
    EXPECT_EQ(said, (words{"nothing"}));
    EXPECT_EQ(started, 0);
}
