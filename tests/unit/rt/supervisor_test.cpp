// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A supervised loop outlives whatever its rounds do, and tells how it does.
#include <z360/rt/supervisor.hpp>

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

using namespace z360;
using namespace z360::rt;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

/// A supervisor on a loop of its own; `script` is the test, after it the loops are joined.
struct bed {
    asio::io_context io{1};
    std::vector<std::string> heard; ///< "name: why"
    supervisor loops{io.get_executor(), [this](std::string_view name, std::string_view why) {
                         heard.push_back(std::string(name) + ": " + std::string(why));
                     }};
    int rounds = 0;
    std::vector<steady::time_point> began;

    [[nodiscard]] loop_state state() const { return loops.states().at(0); }
};
using script = awaitable<void> (*)(bed&);

awaitable<bool> until(std::function<bool()> condition) {
    const auto end = steady::now() + 20s;
    while (!condition() && steady::now() < end)
        co_await sleep_for(1ms);
    co_return condition();
}

awaitable<void> play(script s, bed* b) {
    co_await s(*b);
    co_await b->loops.join();
}

void run(script s) {
    bed b;
    std::exception_ptr error;
    asio::co_spawn(b.io, play(s, &b), [&error](std::exception_ptr e) { error = e; });
    b.io.run();
    if (error) std::rethrow_exception(error);
}

loop_settings quick(steady::duration late_after = 10s) {
    loop_settings s;
    s.name = "test";
    s.period = 1ms;
    s.late_after = late_after;
    return s;
}

awaitable<void> odd_round(bed& b) {
    switch (++b.rounds) {
    case 1: throw std::runtime_error("one");
    case 2: throw boost::system::system_error(asio::error::operation_aborted);
    case 3: throw 3;
    default: break;
    }
    co_return;
}

awaitable<void> goes_on_whatever_is_thrown(bed& b) {
    b.loops.run(quick(), [&b] { return odd_round(b); });
    EXPECT_TRUE(co_await until([&b] { return b.rounds == 1; }));
    EXPECT_TRUE(co_await until([&b] { return b.state().failures == 1; }));
    EXPECT_EQ(b.state().name, "test");
    EXPECT_EQ(b.state().last_error, "one");
    EXPECT_FALSE(b.state().late);
    EXPECT_TRUE(co_await until([&b] { return b.rounds >= 6; }));
    EXPECT_EQ(b.heard.size(), 3U);
    EXPECT_EQ(b.heard.at(0), "test: one");
    EXPECT_EQ(b.heard.at(2), "test: unknown exception");
    EXPECT_EQ(b.state().failures, 0U);
    EXPECT_EQ(b.state().last_error, "");
}

awaitable<void> a_function_that_throws_is_a_round_that_throws(bed& b) {
    b.loops.run(quick(), [&b]() -> awaitable<void> {
        if (++b.rounds < 3) throw std::runtime_error("no coroutine to begin with");
        return sleep_for(1ms);
    });
    EXPECT_TRUE(co_await until([&b] { return b.rounds >= 4; }));
    EXPECT_EQ(b.heard.size(), 2U);
}

awaitable<void> fail_always(bed& b) {
    b.began.push_back(steady::now());
    throw std::runtime_error("always");
    co_return;
}

awaitable<void> pauses_grow_and_are_bounded(bed& b) {
    auto s = quick(250ms);
    s.longest_pause = 300ms;
    b.loops.run(std::move(s), [&b] { return fail_always(b); });
    EXPECT_FALSE(b.state().late);
    EXPECT_TRUE(co_await until([&b] { return b.began.size() >= 5; }));
    const auto pause = [&b](std::size_t n) { return b.began.at(n + 1) - b.began.at(n); };
    EXPECT_GE(pause(0), 100ms);
    EXPECT_GE(pause(1), 200ms);
    EXPECT_GE(pause(2), 300ms);
    EXPECT_GE(pause(3), 300ms);
    EXPECT_LT(pause(3), 780ms) << "bounded: it would be 800 ms";
    EXPECT_TRUE(b.state().late) << "it fails and fails";
    EXPECT_GE(b.state().failures, 5U);
    EXPECT_EQ(b.state().last_error, "always");
    EXPECT_GE(b.state().since_good, 900ms);
}

awaitable<void> fail_until_third(bed& b) {
    b.began.push_back(steady::now());
    if (++b.rounds <= 3) throw std::runtime_error("soon over");
    co_return;
}

awaitable<void> a_success_ends_lateness_and_resets_the_pause(bed& b) {
    b.loops.run(quick(200ms), [&b] { return fail_until_third(b); });
    EXPECT_TRUE(co_await until([&b] { return b.state().late; }));
    EXPECT_TRUE(co_await until([&b] { return b.rounds >= 5; }));
    EXPECT_FALSE(b.state().late);
    b.rounds = 0; // again
    b.began.clear();
    EXPECT_TRUE(co_await until([&b] { return b.rounds >= 2; }));
    EXPECT_LT(b.began.at(1) - b.began.at(0), 780ms) << "from the first pause on again, not 800 ms";
}

awaitable<void> count_round(bed& b) {
    ++b.rounds;
    co_return;
}

awaitable<void> a_wake_up_ends_the_pause(bed& b) {
    event wake(b.io.get_executor());
    auto s = quick();
    s.period = 1h;
    s.wake = &wake;
    b.loops.run(std::move(s), [&b] { return count_round(b); });
    EXPECT_TRUE(co_await until([&b] { return b.rounds == 1; }));
    wake.set();
    EXPECT_TRUE(co_await until([&b] { return b.rounds == 2; }));
    co_await b.loops.join(); // before the event dies
}

awaitable<void> wake_and_fail(bed& b, event* wake) {
    ++b.rounds;
    wake->set();
    throw std::runtime_error("hot");
    co_return;
}

awaitable<void> a_wake_up_does_not_make_failures_hot(bed& b) {
    event wake(b.io.get_executor());
    auto s = quick();
    s.wake = &wake;
    b.loops.run(std::move(s), [&b, &wake] { return wake_and_fail(b, &wake); });
    const auto began = steady::now();
    EXPECT_TRUE(co_await until([&b] { return b.rounds == 3; }));
    EXPECT_GE(steady::now() - began, 300ms);
    co_await b.loops.join();
}

awaitable<void> hang(bed& b) {
    ++b.rounds;
    co_await sleep_for(1h);
}

awaitable<void> a_loop_that_hangs_is_late(bed& b) {
    b.loops.run(quick(50ms), [&b] { return hang(b); });
    auto s = quick(k_never_late);
    s.name = "for_ever";
    b.loops.run(std::move(s), [&b] { return hang(b); });
    EXPECT_TRUE(co_await until([&b] { return b.state().late; }));
    EXPECT_EQ(b.state().failures, 0U);
    EXPECT_FALSE(b.loops.states().at(1).late) << "its rounds may take for ever";
    EXPECT_EQ(b.rounds, 2);
}

awaitable<void> the_first_round_may_be_put_off(bed& b) {
    auto s = quick(10ms);
    s.delay = 300ms;
    const auto began = steady::now();
    b.loops.run(std::move(s), [&b] { return count_round(b); });
    co_await sleep_for(50ms);
    EXPECT_FALSE(b.state().late) << "it has not begun yet";
    EXPECT_TRUE(co_await until([&b] { return b.rounds > 0; }));
    EXPECT_GE(steady::now() - began, 300ms);
}

/// Leaves something behind when it ends, however it ends.
awaitable<void> hold(std::shared_ptr<int> what) {
    co_await sleep_for(1h);
    (void)what;
}

awaitable<void> join_cancels_and_waits(bed& b) {
    const auto held = std::make_shared<int>(0);
    b.loops.run(quick(), [held] { return hold(held); });
    b.loops.run(quick(), [&b] { return fail_always(b); });
    EXPECT_TRUE(co_await until([&] { return held.use_count() == 3 && !b.began.empty(); }));
    const auto before = steady::now();
    co_await b.loops.join();
    EXPECT_LT(steady::now() - before, 5s);
    EXPECT_EQ(held.use_count(), 2) << "the round's frame is gone";
    const auto failures = b.began.size();
    b.loops.run(quick(), [&b] { return count_round(b); });
    co_await sleep_for(200ms);
    EXPECT_EQ(b.began.size(), failures);
    EXPECT_EQ(b.rounds, 0) << "nothing starts after join()";
}

awaitable<void> cannot_be_cancelled(bed& b) {
    ++b.rounds;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await sleep_for(20ms);
    b.began.push_back(steady::now());
}

awaitable<void> a_round_that_cannot_be_cancelled_is_the_last(bed& b) {
    auto s = quick();
    s.period = 1h;
    b.loops.run(std::move(s), [&b] { return cannot_be_cancelled(b); });
    EXPECT_TRUE(co_await until([&b] { return b.rounds == 1; }));
    co_await b.loops.join(); // in the middle of the round
    EXPECT_EQ(b.rounds, 1);
}

awaitable<void> the_pause_after_such_a_round_can_be_cancelled(bed& b) {
    auto s = quick();
    s.period = 1h;
    b.loops.run(std::move(s), [&b] { return cannot_be_cancelled(b); });
    EXPECT_TRUE(co_await until([&b] { return b.began.size() == 1; })); // now the pause of an hour
    const auto before = steady::now();
    co_await b.loops.join();
    EXPECT_LT(steady::now() - before, 5s);
}

} // namespace

TEST(supervisor, i_03_a_loop_goes_on_whatever_its_rounds_throw_and_counts_it) {
    run(goes_on_whatever_is_thrown);
    run(a_function_that_throws_is_a_round_that_throws);
}
TEST(supervisor, pauses_between_failures_grow_and_are_bounded_and_the_loop_is_late) {
    run(pauses_grow_and_are_bounded);
}
TEST(supervisor, a_round_that_succeeds_ends_lateness_and_resets_the_pause) {
    run(a_success_ends_lateness_and_resets_the_pause);
}
TEST(supervisor, a_wake_up_ends_the_pause_after_a_success_only) {
    run(a_wake_up_ends_the_pause);
    run(a_wake_up_does_not_make_failures_hot);
}
TEST(supervisor, a_loop_that_hangs_is_late_unless_its_rounds_may_take_for_ever) {
    run(a_loop_that_hangs_is_late);
}
TEST(supervisor, the_first_round_may_be_put_off_without_lateness) {
    run(the_first_round_may_be_put_off);
}
TEST(supervisor, join_cancels_waits_and_lets_nothing_start_any_more) {
    run(join_cancels_and_waits);
}
TEST(supervisor, join_ends_rounds_that_switched_cancellation_off) {
    run(a_round_that_cannot_be_cancelled_is_the_last);
    run(the_pause_after_such_a_round_can_be_cancelled);
}
