// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose a recording is: claims that run out, other nodes, people who remove it meanwhile, a database that
// goes away.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

TEST(recording_keeper, be_24_a_long_copy_keeps_its_claim) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 3'000);
        w.carrier.piece_takes = 20s; // ten minutes in all; a claim is two
        w.add_node();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1h));
        EXPECT_EQ(r.what.claim, 1U) << "nobody else took it";
        EXPECT_EQ(w.carrier.fetches, 1);
        EXPECT_GE(w.store.calls["hold"], 10);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_keeping_it_for_good_may_take_longer_than_a_claim) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.keeping_takes = 10min;
        w.add_node();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1h));
        EXPECT_EQ(r.what.claim, 1U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_claim_lost_in_the_middle_ends_the_copy_and_settles_nothing) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 3'000);
        w.carrier.piece_takes = 20s;
        w.carrier.before_piece = [&](std::size_t sent) {
            if (sent == 1'000) memory_recordings::take_over(r);
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.carrier.under_way == 1; }));
        EXPECT_TRUE(co_await until([&] { return w.carrier.under_way == 0; }, 30min));
        EXPECT_TRUE(co_await until([&] { return w.vault.open_intakes == 0; }));
        EXPECT_EQ(r.settled, 0);
        EXPECT_EQ(w.store.calls["settle"], 0);
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(w.metrics.total("recording_failures_total"), 0) << "that is nobody's fault";
        EXPECT_EQ(r.what.status, recording_status::waiting);
    });
}

TEST(recording_keeper, be_24_a_claim_lost_before_the_vault_takes_it_for_good_leaves_nothing) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.store.before = [&](const std::string& operation) {
            if (operation == "hold") memory_recordings::take_over(r);
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["hold"] == 1; }));
        EXPECT_TRUE(co_await until([&] { return w.vault.open_intakes == 0; }));
        EXPECT_EQ(w.store.calls["settle"], 0);
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(w.metrics.counted("recordings_copied_total"), 0);
    });
}

TEST(recording_keeper, be_24_a_claim_lost_before_it_is_settled_takes_the_copy_away) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.after_keep = [&] { memory_recordings::take_over(r); };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.vault.removed.size() == 1; }));
        EXPECT_EQ(r.settled, 0);
        EXPECT_TRUE(w.vault.kept.empty());
        for (const auto& key : w.vault.removed)
            EXPECT_TRUE(key.ends_with("-1.mp3")) << "its own, not that of the other's claim";
        EXPECT_EQ(w.metrics.counted("recordings_copied_total"), 0);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_32_what_is_to_be_removed_while_it_is_copied_is_not_kept) {
    for (const bool late : {false, true}) {
        static bool after_keep;
        after_keep = late;
        run([](world& w) -> awaitable<void> {
            auto& r = w.add(1);
            const auto remove = [&] {
                if (r.what.status == recording_status::waiting) w.store.ask_for_removal(r);
            };
            if (after_keep)
                w.vault.after_keep = remove;
            else
                w.carrier.before_piece = [remove](std::size_t sent) {
                    if (sent == 500) remove();
                };
            w.add_node();
            EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::removed; }));
            EXPECT_TRUE(w.vault.kept.empty());
            EXPECT_TRUE(w.carrier.there.empty());
            EXPECT_EQ(w.metrics.counted("recordings_copied_total"), 0);
            EXPECT_EQ(w.metrics.counted("recordings_removed_total"), 1);
            EXPECT_EQ(w.disagreement(), "");
        });
    }
}

TEST(recording_keeper, be_24_a_store_that_is_away_for_a_moment_costs_no_copy) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 3'000);
        w.carrier.piece_takes = 20s;
        w.carrier.before_piece = [&](std::size_t sent) { w.store.away = sent >= 400 && sent < 600; };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1h));
        EXPECT_EQ(w.carrier.fetches, 1);
        EXPECT_EQ(r.what.claim, 1U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_store_that_stays_away_is_neither_the_carriers_nor_the_vaults_failure) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 3'000);
        w.carrier.piece_takes = 20s;
        w.carrier.before_piece = [&](std::size_t sent) {
            if (sent == 400 && r.what.claim == 1) w.store.away = true;
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.away; }, 10min));
        EXPECT_TRUE(co_await until([&] { return w.carrier.under_way == 0; }, 10min));
        EXPECT_EQ(w.metrics.total("recording_failures_total"), 0);
        EXPECT_EQ(w.vault.open_intakes, 0);
        w.store.away = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1h));
        EXPECT_EQ(r.what.claim, 2U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_copy_is_written_down_once_the_store_is_back) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.after_keep = [&] { w.store.away = true; };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["settle"] >= 5; }, 5min));
        EXPECT_EQ(w.vault.kept.size(), 1U) << "it may have been written down, with the answer lost";
        w.store.away = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1min));
        EXPECT_EQ(w.carrier.fetches, 1) << "nothing was fetched twice";
        EXPECT_EQ(w.metrics.counted("recordings_copied_total"), 1);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_settlement_whose_answer_is_lost_counts_once) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.store.after = [&](const std::string& operation) {
            if (operation == "settle" && w.store.calls["settle"] == 1) throw port::unavailable("cut");
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["settle"] == 2; }));
        EXPECT_TRUE(co_await until([&] { return w.metrics.counted("recordings_copied_total") == 1; }));
        EXPECT_EQ(r.what.status, recording_status::kept);
        EXPECT_TRUE(w.vault.removed.empty());
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_settlement_that_the_store_refuses_leaves_no_copies_behind) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.add(2);
        bool refuses = true;
        w.store.before = [&](const std::string& operation) {
            if (operation == "settle" && refuses) throw std::runtime_error("violates a check");
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.claim == 4; }, 2h));
        EXPECT_LE(w.vault.kept.size(), 2U) << "only what is under way";
        refuses = false;
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::kept) == 2; }, 1h));
        EXPECT_EQ(w.disagreement(), "");
    });
}
