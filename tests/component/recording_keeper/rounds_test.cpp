// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How much is done at once, and what happens while the database is away.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

TEST(recording_keeper, be_24_at_most_so_many_copies_are_made_at_once) {
    run([](world& w) -> awaitable<void> {
        w.settings.parallel = 3;
        w.carrier.piece_takes = 10ms;
        for (std::uint64_t n = 1; n <= 20; ++n)
            w.add(n);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::kept) == 20; }, 1min));
        EXPECT_EQ(w.carrier.most_under_way, 3);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_the_next_is_taken_as_soon_as_one_is_done) {
    run([](world& w) -> awaitable<void> {
        w.settings.parallel = 2;
        w.settings.look_every = 10min;
        w.carrier.piece_takes = 100ms; // a second for each
        for (std::uint64_t n = 1; n <= 9; ++n)
            w.add(n);
        w.add(10, purpose::talk, 6'000); // a minute: it holds up nobody
        w.add_node();
        const auto began = rt::clock::now();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::kept) == 10; }, 5min));
        EXPECT_LE(rt::clock::now() - began, 16s);
    });
}

TEST(recording_keeper, be_24_two_nodes_share_what_is_due) {
    run([](world& w) -> awaitable<void> {
        w.carrier.piece_takes = 10ms;
        for (std::uint64_t n = 1; n <= 200; ++n)
            w.add(n, n % 2 == 0 ? purpose::message : purpose::talk);
        w.add_node();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::kept) == 200; }, 5min));
        EXPECT_EQ(w.carrier.fetches, 200) << "each once";
        EXPECT_EQ(w.orders.placed.size(), 100U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_store_that_is_away_delays_work_and_ends_no_loop) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["figures"] >= 1; }));
        w.store.away = true;
        auto& r = w.add(1);
        const auto late = [&node] {
            std::size_t n = 0;
            for (const auto& l : node.loops())
                if (l.late) ++n;
            return n;
        };
        EXPECT_EQ(late(), 0U);
        EXPECT_TRUE(co_await until([&] { return late() >= 2; }, 10min)) << "/readyz says so";
        EXPECT_GT(w.metrics.counted("loop_failures_total", {{"loop", "recordings"}}), 3);
        w.store.away = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1min));
        EXPECT_TRUE(co_await until([&] { return late() == 0; }, 1h));
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_settlement_that_fails_is_looked_at_again_when_the_claim_runs_out) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.full = true;
        int refused = 0;
        w.store.before = [&](const std::string& operation) {
            if (operation == "settle" && refused++ == 0) throw port::unavailable("cut");
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return refused == 1; }));
        w.vault.full = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 5min));
        EXPECT_EQ(r.what.claim, 2U);
    });
}

TEST(recording_keeper, be_24_one_that_always_fails_holds_up_no_other) {
    run([](world& w) -> awaitable<void> {
        w.settings.parallel = 1;
        auto& bad = w.add(1, purpose::talk, 0);
        for (std::uint64_t n = 2; n <= 30; ++n)
            w.add(n);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::kept) == 29; }, 1min));
        EXPECT_GE(bad.what.attempts, 1U);
    });
}

TEST(recording_keeper, be_24_what_waits_is_told_as_figures) {
    run([](world& w) -> awaitable<void> {
        w.vault.full = true;
        for (std::uint64_t n = 1; n <= 3; ++n)
            w.add(n);
        w.add_node();
        for (const auto* name :
             {"recordings_copied_total", "recordings_copied_bytes_total", "recordings_lost_total",
              "recordings_removed_total", "voicemails_told_total"})
            EXPECT_NE(w.metrics.text().find(name), std::string::npos) << name << " is there from the start";
        EXPECT_TRUE(co_await until([&] { return w.metrics.gauge_value("recordings_failing") == 3; }, 1min));
        EXPECT_EQ(w.metrics.gauge_value("recordings_waiting"), 3);
        EXPECT_TRUE(co_await until([&] {
            return w.metrics.gauge_value("recordings_waiting_oldest_seconds") >= 15;
        }));
    });
}
