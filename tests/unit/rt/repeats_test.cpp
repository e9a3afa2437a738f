// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/told_time.hpp"

#include <z360/rt/repeats.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <vector>

using namespace z360;
using rt::repeats;
using cause = repeats::cause;
using namespace std::chrono_literals;
using steady = rt::clock;

namespace {

struct line : ::testing::Test {
    z360::testing::told_time time;
    boost::asio::io_context io{1};
    repeats queue{io.get_executor(), 50}; // one in 20 ms
    std::vector<int> went;
    std::vector<steady::time_point> at;
    int turned_away = 0;

    rt::awaitable<void> stand(int who, cause why, steady::duration at_most) {
        repeats::place place(queue, why);
        const bool granted = co_await place.turn(at_most);
        if (granted) {
            went.push_back(who);
            at.push_back(steady::now());
        } else {
            ++turned_away;
        }
    }
    /// Looks up each 5 ms without giving the place up.
    rt::awaitable<void> look_up(int who) {
        repeats::place place(queue, cause::refused);
        for (bool granted = false; !granted; turned_away += granted ? 0 : 1)
            granted = co_await place.turn(5ms);
        went.push_back(who);
        at.push_back(steady::now());
    }
    void start(int who, cause why = cause::refused, steady::duration at_most = 10s) {
        boost::asio::co_spawn(io, stand(who, why, at_most), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
    }
};

} // namespace

TEST_F(line, i16_turns_come_one_by_one_in_the_order_of_arrival) {
    for (int i = 0; i < 5; ++i)
        start(i);
    time.run(io, 1h);
    EXPECT_EQ(went, (std::vector{0, 1, 2, 3, 4}));
    for (std::size_t i = 1; i < at.size(); ++i)
        EXPECT_EQ(at[i] - at[i - 1], 20ms);
    EXPECT_EQ(queue.waiting(), 0U);
}

TEST_F(line, be_22_the_end_of_an_outage_lets_everybody_go_who_waited_for_it) {
    for (int i = 0; i < 100; ++i)
        start(i, cause::outage);
    start(1'000, cause::refused);
    time.run(io, 30ms);
    ASSERT_LT(went.size(), 4U);
    queue.outage_over();
    time.run(io, 5ms);
    EXPECT_GE(went.size(), 100U);
    time.run(io, 1h);
    EXPECT_EQ(went.back(), 1'000) << "a refusal is not over with the outage";
    EXPECT_EQ(went.size(), 101U);
}

TEST_F(line, whoever_has_no_time_left_goes_away_and_holds_nobody_up) {
    start(0);
    start(1, cause::refused, 5ms);
    start(2, cause::refused, 1ms);
    start(3);
    time.run(io, 1h);
    EXPECT_EQ(went, (std::vector{0, 3}));
    EXPECT_EQ(turned_away, 2);
    EXPECT_LT(at[1] - at[0], 1s);
}

TEST_F(line, who_looks_up_in_between_keeps_the_place) {
    start(0);
    start(1);
    boost::asio::co_spawn(io, look_up(2), [](const std::exception_ptr& e) {
        if (e) std::rethrow_exception(e);
    });
    start(3);
    time.run(io, 1h);
    EXPECT_EQ(went, (std::vector{0, 1, 2, 3}));
    EXPECT_GE(turned_away, 3) << "it did look up";
}

TEST_F(line, a_cancelled_one_leaves_the_queue_in_order) {
    start(0);
    boost::asio::cancellation_signal cancel;
    bool aborted = false;
    auto ended = [&aborted](const std::exception_ptr& e) { aborted = e != nullptr; };
    boost::asio::co_spawn(
        io, stand(1, cause::refused, 10s),
        boost::asio::bind_cancellation_slot(cancel.slot(), std::move(ended))
    );
    start(2);
    time.run(io, 5ms);
    cancel.emit(boost::asio::cancellation_type::terminal);
    time.run(io, 1h);
    EXPECT_TRUE(aborted);
    EXPECT_EQ(went, (std::vector{0, 2}));
    EXPECT_EQ(queue.waiting(), 0U);
}
