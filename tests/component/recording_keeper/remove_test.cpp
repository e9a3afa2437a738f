// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is removed, where, and in which order.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

row& kept_one(world& w, std::uint64_t n = 1) {
    auto& r = w.add(n);
    r.what.status = recording_status::kept;
    r.what.copy = {"folder", "7/key-" + std::to_string(n)};
    r.content = {1'000, hash_like(world::content(n))};
    w.vault.kept[r.what.copy.key] = world::content(n);
    return r;
}

} // namespace

TEST(recording_keeper, be_24_the_carriers_goes_only_after_ours_is_kept) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1);
        w.settings.remove_originals = true;
        w.vault.cannot_keep = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 3; }, 1min));
        EXPECT_EQ(w.carrier.removals, 0);
        w.carrier.removals_fail = true;
        w.vault.cannot_keep = false;
        EXPECT_TRUE(co_await until([&] { return w.carrier.removals >= 3; }, 5min));
        EXPECT_EQ(r.what.status, recording_status::kept);
        EXPECT_TRUE(r.what.at_carrier);
        w.carrier.removals_fail = false;
        EXPECT_TRUE(co_await until([&] { return !r.what.at_carrier; }, 5min));
        EXPECT_TRUE(w.carrier.there.empty());
        EXPECT_FALSE(r.due);
        EXPECT_EQ(r.what.status, recording_status::kept);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_32_a_removal_takes_ours_and_then_the_carriers) {
    run([](world& w) -> awaitable<void> {
        auto& r = kept_one(w);
        w.store.ask_for_removal(r);
        w.vault.cannot_remove = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 2; }));
        EXPECT_EQ(w.carrier.removals, 0) << "not before ours is gone";
        EXPECT_EQ(w.failures("vault"), 2);
        w.vault.cannot_remove = false;
        w.carrier.removals_fail = true;
        EXPECT_TRUE(co_await until([&] { return w.failures("carrier") == 2; }, 2min));
        EXPECT_TRUE(w.vault.kept.empty());
        EXPECT_EQ(r.what.status, recording_status::removing);
        w.carrier.removals_fail = false;
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::removed; }, 5min));
        EXPECT_GE(w.vault.removed.size(), 3U) << "again is no error";
        EXPECT_TRUE(w.carrier.there.empty());
        EXPECT_FALSE(r.due);
        EXPECT_TRUE(r.what.copy.key.empty());
        EXPECT_EQ(w.metrics.counted("recordings_removed_total"), 1);
    });
}

TEST(recording_keeper, be_32_what_is_gone_on_both_sides_counts_as_removed) {
    run([](world& w) -> awaitable<void> {
        auto& r = kept_one(w);
        w.vault.kept.clear();
        w.carrier.there.clear();
        w.store.ask_for_removal(r);
        auto& never_kept = w.add(2);
        w.store.ask_for_removal(never_kept);
        auto& ours_alone = kept_one(w, 3);
        ours_alone.what.at_carrier = false;
        w.store.ask_for_removal(ours_alone);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::removed) == 3; }));
        EXPECT_EQ(w.carrier.removals, 2) << "who has none is not asked";
        EXPECT_TRUE(w.carrier.there.contains("r3"));
        EXPECT_EQ(w.metrics.total("recording_failures_total"), 0);
    });
}

TEST(recording_keeper, be_32_a_copy_in_a_vault_that_is_not_configured_is_not_forgotten) {
    for (const bool none : {false, true}) {
        static bool without;
        without = none;
        run([](world& w) -> awaitable<void> {
            auto& r = kept_one(w);
            r.what.copy.vault = "s3";
            w.store.ask_for_removal(r);
            w.has_vault = !without;
            w.add_node();
            EXPECT_TRUE(co_await until([&] { return r.what.attempts == 3; }, 1min));
            EXPECT_EQ(r.what.status, recording_status::removing);
            EXPECT_NE(r.error.find("a vault of kind s3, which is not configured"), std::string::npos);
            EXPECT_EQ(w.failures("vault"), 3);
            EXPECT_EQ(w.carrier.removals, 0);
            EXPECT_TRUE(w.vault.removed.empty());
            co_await w.stop_all();
            w.vault.is = "s3";
            w.has_vault = true;
            w.add_node();
            EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::removed; }, 1min));
            EXPECT_TRUE(w.vault.kept.empty());
        });
    }
}

TEST(recording_keeper, be_26_an_empty_message_is_removed_and_nobody_hears_of_it) {
    run([](world& w) -> awaitable<void> {
        for (std::uint64_t n = 1; n <= 3; ++n)
            w.add(n, purpose::message).what.length = millis{n == 3 ? -1 : 999};
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.count(recording_status::removed) == 2; }));
        EXPECT_EQ(w.store.count(recording_status::kept), 1U) << "one of unknown length is a message";
        EXPECT_EQ(w.carrier.there.size(), 1U);
        EXPECT_EQ(w.carrier.fetches, 1);
        EXPECT_EQ(w.orders.placed.size(), 1U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(recording_keeper, be_32_what_is_kept_long_enough_is_looked_for_in_portions) {
    run([](world& w) -> awaitable<void> {
        w.settings.keep_for = 24h * 90;
        w.store.to_expire = 450;
        w.store.to_adopt = 3;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["expire"] == 3; }));
        EXPECT_EQ(w.store.to_expire, 0U);
        EXPECT_EQ(w.store.expired, std::vector<millis>(3, 24h * 90));
        EXPECT_EQ(w.store.adopted.size(), 1U);
        EXPECT_LT(w.store.adopted[0].first, w.store.adopted[0].second);
        EXPECT_TRUE(co_await until([&] { return w.store.calls["expire"] == 4; }, 11min)) << "and again";
    });
}

TEST(recording_keeper, be_32_what_is_kept_long_enough_goes_also_where_nothing_can_be_adopted) {
    run([](world& w) -> awaitable<void> {
        w.settings.keep_for = 24h * 90;
        w.store.to_expire = 450;
        auto& r = w.add(1);
        r.due.reset(); // it rests
        w.store.before = [](const std::string& what) {
            if (what == "adopt") throw port::unavailable("canceling statement due to statement timeout");
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.to_expire == 0; }));
        EXPECT_TRUE(co_await until([&] { return r.what.status == recording_status::kept; }));
        EXPECT_TRUE(co_await until([&] { return w.store.calls["adopt"] >= 2; }, 15min)) << "and once more";
        EXPECT_GT(w.metrics.counted("loop_failures_total", {{"loop", "recordings_tidy"}}), 0);
    });
}
