// SPDX-License-Identifier: LicenseRef-z360-proprietary
// From the carrier into the vault, and what happens while the vault does not take it.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

TEST(recording_keeper, be_24_a_recording_is_copied_and_settled_with_size_and_hash) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::talk, 12'345);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_EQ(r.what.copy.vault, "folder");
        EXPECT_EQ(w.vault.kept.at(r.what.copy.key), world::content(1, 12'345));
        EXPECT_EQ(r.content.bytes, 12'345U);
        EXPECT_EQ(r.content.sha256, hash_like(world::content(1, 12'345)));
        EXPECT_TRUE(r.what.copy.key.starts_with("7/2027-01/" + r.what.call.text() + "/" + r.what.id.text()));
        EXPECT_TRUE(r.what.copy.key.ends_with("-1.mp3"));
        EXPECT_FALSE(r.due) << "there is nothing more to do";
        EXPECT_TRUE(r.what.at_carrier);
        EXPECT_TRUE(w.carrier.there.contains("r1")) << "the carrier's stays";
        EXPECT_EQ(w.carrier.finds, 0) << "the address that was told is good";
        EXPECT_EQ(r.settled, 1);
        EXPECT_EQ(w.metrics.counted("recordings_copied_total"), 1);
        EXPECT_EQ(w.metrics.counted("recordings_copied_bytes_total"), 12'345);
        EXPECT_EQ(w.metrics.observed("recording_copy_seconds").size(), 1U);
        EXPECT_EQ(w.metrics.total("recording_failures_total"), 0);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_recording_of_wav_alone_is_kept_as_wav) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.store.add(1, "r1", purpose::talk);
        (void)w.carrier.add("r1", world::content(1), "wav");
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_TRUE(r.what.copy.key.ends_with(".wav")) << r.what.copy.key;
        EXPECT_EQ(w.carrier.finds, 1) << "without an address that was told it is asked for";
    });
}

TEST(recording_keeper, be_24_what_waits_in_the_vault_does_not_grow_with_attempts) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.full = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 4; }, 5min));
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(w.vault.open_intakes, 0);
    });
}

TEST(recording_keeper, be_24_while_the_vault_is_full_or_away_recordings_stay_at_the_carrier) {
    using fault = bool memory_vault::*;
    static constexpr std::array<fault, 3> k_faults{
        &memory_vault::full, &memory_vault::cannot_begin, &memory_vault::cannot_keep
    };
    for (const auto of : k_faults) {
        static fault broken;
        broken = of;
        run([](world& w) -> awaitable<void> {
            auto& r = w.add(1);
            w.settings.remove_originals = true;
            w.vault.*broken = true;
            w.add_node();
            EXPECT_TRUE(co_await until([&] { return r.what.attempts == 12; }, 4h));
            EXPECT_EQ(r.what.status, recording_status::waiting) << "not lost, however long it lasts";
            EXPECT_TRUE(r.error.starts_with("vault: ")) << r.error;
            EXPECT_EQ(w.failures("vault"), 12);
            EXPECT_EQ(w.failures("carrier"), 0);
            EXPECT_EQ(w.carrier.removals, 0);
            EXPECT_TRUE(w.carrier.there.contains("r1"));
            EXPECT_TRUE(w.vault.kept.empty());
            EXPECT_EQ(r.pauses.at(0), millis{5'000});
            EXPECT_TRUE(std::is_sorted(r.pauses.begin(), r.pauses.end()));
            EXPECT_EQ(r.pauses.back(), millis{3'600'000});
            w.vault.*broken = false;
            EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 2h));
            EXPECT_TRUE(co_await until([&] { return w.carrier.there.empty(); }));
            EXPECT_EQ(r.what.attempts, 0U);
            EXPECT_EQ(w.disagreement(), "");
        });
    }
}

TEST(recording_keeper, be_24_a_vault_whose_answer_is_lost_keeps_nothing_that_nobody_knows) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.answer_lost = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 1; }));
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(w.failures("vault"), 1);
        w.vault.answer_lost = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_24_a_failing_vault_that_also_removes_nothing_stops_nobody) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.vault.answer_lost = w.vault.cannot_remove = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 2; }));
        w.vault.answer_lost = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }, 1min));
    });
}

TEST(recording_keeper, be_24_without_a_vault_recordings_rest_and_one_that_comes_wakes_them) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.has_vault = false;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.settled == 1; }));
        EXPECT_EQ(r.what.status, recording_status::waiting);
        EXPECT_FALSE(r.due);
        EXPECT_EQ(r.what.attempts, 0U);
        EXPECT_EQ(w.carrier.fetches + w.carrier.finds, 0);
        EXPECT_EQ(w.store.calls["wake"], 0);
        co_await w.stop_all();
        w.has_vault = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_EQ(w.disagreement(), "");
    });
}
