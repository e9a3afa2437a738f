// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Nodes that are stopped in the middle.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

TEST(recording_keeper, be_24_stopping_in_the_middle_of_a_copy_leaves_nothing_and_another_node_makes_it) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 3'000);
        w.carrier.piece_takes = 20s;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["hold"] >= 2; }, 5min));
        EXPECT_EQ(w.vault.open_intakes, 1);
        const auto began = rt::clock::now();
        co_await w.stop_all();
        EXPECT_LE(rt::clock::now() - began, 1s);
        EXPECT_EQ(w.vault.open_intakes, 0);
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(r.settled, 0);
        EXPECT_EQ(r.what.status, recording_status::waiting);
        EXPECT_TRUE(r.due.has_value()) << "the claim runs out by itself";
        w.carrier.piece_takes = 0s;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 3min));
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_stopping_while_the_vault_takes_it_for_good_leaves_nothing) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.keeping_takes = 10min;
        bool keeping = false;
        w.vault.before_keep = [&] { keeping = true; };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return keeping; }));
        co_await w.stop_all();
        EXPECT_EQ(w.vault.removed.size(), 1U) << "the vault may have taken it all the same";
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(w.vault.open_intakes, 0);
        w.vault.keeping_takes = 0s;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 20min));
        EXPECT_EQ(r.what.claim, 2U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_stopping_while_the_store_is_away_takes_a_moment_and_loses_nothing) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.after_keep = [&] { w.store.away = true; };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["settle"] >= 2; }, 1min));
        const auto began = rt::clock::now();
        co_await w.stop_all();
        EXPECT_LE(rt::clock::now() - began, 2s);
        w.store.away = false;
        w.vault.after_keep = {};
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 20min));
        EXPECT_TRUE(w.vault.kept.contains(r.what.copy.key));
    });
}

TEST(recording_keeper, be_24_a_keeper_stops_at_once_when_nothing_is_under_way) {
    run([](world& w) -> awaitable<void> {
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["claim"] >= 2; }));
        const auto began = rt::clock::now();
        co_await w.stop_all();
        EXPECT_EQ(rt::clock::now(), began);
    });
}
