// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When and how fast old rows are removed, over a store that counts.
#include "support/recording_metrics.hpp"

#include <z360/engine/retention.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>

using namespace z360;
using namespace std::chrono_literals;
using port::kept;

namespace {

struct counting_store final : port::retention_store {
    std::map<kept, std::size_t> left;
    std::map<kept, millis> asked;
    std::size_t largest = 0;
    std::size_t batches = 0;
    std::size_t held = 0;
    bool mine = true;
    int failures = 0;

    boost::asio::awaitable<bool> hold(std::string, millis) override {
        ++held;
        co_return mine;
    }
    boost::asio::awaitable<std::size_t> remove(kept what, millis age, std::size_t limit) override {
        if (failures > 0) {
            --failures;
            throw port::unavailable("the database is away");
        }
        asked[what] = age;
        const auto gone = std::min(limit, left[what]);
        left[what] -= gone;
        largest = std::max(largest, gone);
        if (gone > 0) ++batches;
        co_return gone;
    }
    boost::asio::awaitable<std::size_t> end_abandoned(millis age, std::size_t limit) override {
        abandoned_age = age;
        const auto ended = std::min(limit, abandoned);
        abandoned -= ended;
        co_return ended;
    }
    std::size_t abandoned = 0;
    millis abandoned_age{};
    [[nodiscard]] std::size_t all() const {
        std::size_t n = 0;
        for (const auto& [what, rows] : left)
            n += rows;
        return n;
    }
};

struct world {
    world() {
        settings.node = "here";
        settings.raw_events = 7h;
        settings.dead_letters = 30h;
        settings.calls = 400h;
        settings.push_attempts = 90h;
        settings.first = 0ms;
        settings.period = 5ms;
        settings.least_pause = 0ms;
        settings.batch = 10;
    }
    /// Runs until the condition holds; false: not within ten seconds.
    bool run_until(std::function<bool()> condition) {
        if (!node) {
            node = engine::make_retention(io.get_executor(), store, metrics, settings);
            node->start();
        }
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > until) return false;
            io.restart();
            io.run_for(2ms);
        }
        return true;
    }
    ~world() {
        if (!node) return;
        boost::asio::co_spawn(io, node->stop(), [](const std::exception_ptr&) {});
        io.restart();
        io.run();
    }
    boost::asio::io_context io{1};
    counting_store store;
    test::recording_metrics metrics;
    engine::retention_settings settings;
    std::unique_ptr<engine::retention> node;
};

} // namespace

TEST(retention, old_rows_of_every_kind_go_in_batches_each_with_its_age) {
    world w;
    w.store.left = {{kept::raw_events, 55}, {kept::dead_letters, 5}, {kept::conflicts, 3}, {kept::calls, 12}};
    ASSERT_TRUE(w.run_until([&] { return w.store.all() == 0 && w.store.asked.size() == 5; }));
    EXPECT_EQ(w.store.largest, 10U);
    EXPECT_EQ(w.store.batches, 6U + 1 + 1 + 2);
    EXPECT_EQ(w.store.asked[kept::raw_events], 7h);
    EXPECT_EQ(w.store.asked[kept::dead_letters], 30h);
    EXPECT_EQ(w.store.asked[kept::conflicts], 30h);
    EXPECT_EQ(w.store.asked[kept::calls], 400h);
    EXPECT_EQ(w.store.asked[kept::push_attempts], 90h);
    EXPECT_EQ(w.metrics.counted("retention_removed_total", {{"what", "raw_events"}}), 55);
}

TEST(retention, what_is_kept_for_ever_is_not_asked_about) {
    world w;
    w.settings.raw_events = 0ms;
    w.settings.calls = 0ms;
    w.store.left = {{kept::raw_events, 5}, {kept::dead_letters, 5}, {kept::calls, 5}};
    ASSERT_TRUE(w.run_until([&] { return w.store.left[kept::dead_letters] == 0; }));
    EXPECT_EQ(w.store.all(), 10U);
    EXPECT_FALSE(w.store.asked.contains(kept::raw_events) || w.store.asked.contains(kept::calls));
    world none;
    none.settings.raw_events = none.settings.dead_letters = none.settings.calls = 0ms;
    none.settings.push_attempts = none.settings.abandoned = 0ms;
    none.node = engine::make_retention(none.io.get_executor(), none.store, none.metrics, none.settings);
    none.node->start();
    EXPECT_TRUE(none.node->loops().empty());
}

TEST(retention, effects_that_no_node_has_a_runner_for_are_ended_long_after_their_deadline) {
    world w;
    w.store.abandoned = 25;
    ASSERT_TRUE(w.run_until([&] { return w.store.abandoned == 0; }));
    EXPECT_EQ(w.store.abandoned_age, 1h);
    EXPECT_EQ(w.metrics.counted("effects_abandoned_total"), 25);
}

TEST(retention, a_node_without_the_right_removes_nothing_until_it_has_it) {
    world w;
    w.store.mine = false;
    w.store.left = {{kept::raw_events, 5}};
    ASSERT_TRUE(w.run_until([&] { return w.store.held >= 3; }));
    EXPECT_EQ(w.store.batches, 0U);
    w.store.mine = true;
    EXPECT_TRUE(w.run_until([&] { return w.store.all() == 0; }));
}

TEST(retention, a_database_that_is_away_costs_only_time) {
    world w;
    w.store.failures = 2;
    w.store.left = {{kept::raw_events, 5}};
    EXPECT_TRUE(w.run_until([&] { return w.store.all() == 0; }));
    EXPECT_EQ(w.metrics.counted("loop_failures_total", {{"loop", "retention"}}), 2);
}

TEST(retention, a_large_heap_is_no_reason_to_be_late) {
    world w;
    w.settings.round = 0ms; // each round ends with its first batch, and the next begins soon
    w.store.left = {{kept::raw_events, 95}, {kept::calls, 95}};
    EXPECT_TRUE(w.run_until([&] { return w.store.all() == 0; }));
    EXPECT_EQ(w.store.largest, 10U);
    EXPECT_FALSE(w.node->loops().at(0).late);
}

TEST(retention, pauses_leave_the_database_to_others_in_proportion) {
    engine::retention_settings s;
    s.share = 20;
    s.least_pause = 100ms;
    EXPECT_EQ(engine::pause_after(5ms, s), 100ms);
    EXPECT_EQ(engine::pause_after(50ms, s), 200ms);
    EXPECT_EQ(engine::pause_after(2'000ms, s), 8'000ms);
}
