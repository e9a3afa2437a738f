// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/told_time.hpp"

#include <z360/rt/pacer.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <utility>
#include <vector>

using z360::rt::pacer;
using namespace std::chrono_literals;

namespace {
const pacer::time k_start{1h};
} // namespace

TEST(pacer, a_burst_goes_at_once_and_the_rest_at_the_pace) {
    pacer p(10, 3);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(p.take(k_start, 1h), 0ms);
    EXPECT_EQ(p.take(k_start, 1h), 100ms);
    EXPECT_EQ(p.take(k_start, 1h), 200ms);
    EXPECT_EQ(p.take(k_start + 50ms, 1h), 250ms) << "turns come in the order of the asking";
}

TEST(pacer, an_idle_time_fills_the_burst_and_no_more) {
    pacer p(10, 2);
    EXPECT_EQ(p.take(k_start, 1h), 0ms);
    const auto later = k_start + 1h;
    EXPECT_EQ(p.take(later, 1h), 0ms);
    EXPECT_EQ(p.take(later, 1h), 0ms);
    EXPECT_EQ(p.take(later, 1h), 100ms);
}

TEST(pacer, whoever_will_not_wait_takes_no_turn) {
    pacer p(1, 1);
    EXPECT_EQ(p.take(k_start, 0ms), 0ms);
    EXPECT_EQ(p.take(k_start, 999ms), std::nullopt);
    EXPECT_EQ(p.take(k_start, 999ms), std::nullopt);
    EXPECT_EQ(p.wait(k_start), 1s);
    EXPECT_EQ(p.take(k_start, 1s), 1s);
    EXPECT_EQ(p.wait(k_start), 2s);
}

TEST(pacer, a_pause_that_was_asked_for_holds_for_everybody) {
    pacer p(10, 10);
    p.pause(k_start + 5s);
    p.pause(k_start + 2s);
    EXPECT_EQ(p.wait(k_start), 5s);
    EXPECT_EQ(p.take(k_start, 1s), std::nullopt);
    EXPECT_EQ(p.take(k_start + 5s, 1s), 0ms);
}

TEST(pacer, nought_means_one) {
    pacer p(0, 0);
    EXPECT_EQ(p.take(k_start, 1h), 0ms);
    EXPECT_EQ(p.take(k_start, 1h), 1s);
}

TEST(pacer, who_waits_for_the_end_of_a_pause_does_not_come_in_one_heap) {
    pacer p(10, 2);
    p.pause(k_start + 5s);
    EXPECT_EQ(p.take(k_start, 1h), 5s);
    EXPECT_EQ(p.take(k_start, 1h), 5s) << "as after a rest";
    EXPECT_EQ(p.take(k_start, 1h), 5'100ms);
    EXPECT_EQ(p.take(k_start + 5s, 1h), 200ms);
}

TEST(pacer, less_than_one_a_second_is_a_pace_too) {
    pacer p(0.5, 1);
    EXPECT_EQ(p.take(k_start, 1h), 0ms);
    EXPECT_EQ(p.take(k_start, 1h), 2s);
    pacer slowest(0.001, 1);
    EXPECT_EQ(slowest.take(k_start, 1h), 0ms);
    EXPECT_EQ(slowest.take(k_start, 1h), 10s);
}

namespace {

struct queue : ::testing::Test {
    z360::testing::told_time time;
    boost::asio::io_context io{1};
    z360::rt::pace at{10};
    z360::rt::clock::time_point begun = z360::rt::clock::now();
    std::vector<std::chrono::milliseconds> went;
    int turned_away = 0;

    boost::asio::awaitable<void> stand(std::function<bool()> hurry) {
        const bool granted = co_await at.turn(std::move(hurry));
        if (granted)
            went.push_back(
                std::chrono::duration_cast<std::chrono::milliseconds>(z360::rt::clock::now() - begun)
            );
        else
            ++turned_away;
    }
    void start(std::function<bool()> hurry = {}) {
        boost::asio::co_spawn(io, stand(std::move(hurry)), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
    }
};

using waits = std::vector<std::chrono::milliseconds>;

} // namespace

TEST_F(queue, turns_come_one_after_another_in_the_order_of_asking) {
    for (int i = 0; i < 4; ++i)
        start();
    time.run(io, 1h);
    EXPECT_EQ(went, (waits{0ms, 100ms, 200ms, 300ms}));
}

TEST_F(queue, who_is_waited_for_goes_at_once_and_the_others_keep_their_turns) {
    bool waited_for = false;
    start();
    start([&waited_for] { return waited_for; });
    start();
    time.run(io, 10ms);
    waited_for = true;
    time.run(io, 1h);
    EXPECT_EQ(went, (waits{0ms, 50ms, 200ms}));
}

TEST_F(queue, a_hold_is_half_a_minute_at_most_and_spares_turns_already_given) {
    start();
    start();
    time.run(io, 10ms);
    at.hold(10min);
    start();
    start();
    time.run(io, 1h);
    EXPECT_EQ(went, (waits{0ms, 100ms, 30'010ms, 30'110ms}));
}

TEST_F(queue, once_closed_nobody_gets_a_turn) {
    start();
    start();
    start();
    time.run(io, 10ms);
    at.close();
    start();
    time.run(io, 60ms);
    EXPECT_EQ(went.size(), 1U);
    EXPECT_EQ(turned_away, 3);
}
