// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whoever a message was left for is told of it, once.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

bool kept(const row& r) {
    return r.what.status == recording_status::kept;
}

} // namespace

TEST(recording_keeper, be_26_a_message_is_told_of_before_it_is_copied_and_once) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::message);
        w.vault.full = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 3; }, 2min));
        w.vault.full = false;
        EXPECT_TRUE(co_await until([&] { return kept(r); }, 2min));
        EXPECT_EQ(w.orders.asked, 1) << "the copy was tried four times";
        EXPECT_EQ(w.orders.placed.size(), 1U);
        EXPECT_EQ(w.news, 1);
        EXPECT_TRUE(r.what.notified);
        EXPECT_EQ(w.metrics.counted("voicemails_told_total"), 1);
        const auto& o = w.orders.placed.at("voicemail-" + r.what.id.text());
        EXPECT_EQ(o.org, org_id{7});
        EXPECT_EQ(o.users, std::vector<user_id>{user_id{9}});
        EXPECT_TRUE(o.devices.empty());
        EXPECT_EQ(o.shown.type, "voicemail");
        EXPECT_EQ(o.ttl, w.settings.tell_for);
        EXPECT_EQ(w.orders.scopes.at(0), port::tenant_scope::of(org_id{7}));
    });
}

TEST(recording_keeper, be_26_a_node_that_dies_between_the_order_and_its_settlement_tells_nobody_twice) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::message);
        w.has_vault = false;
        w.orders.after = [&] { w.store.away = true; };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.orders.asked == 1; }));
        co_await w.stop_all();
        EXPECT_FALSE(r.what.notified);
        w.orders.after = {};
        w.store.away = false;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.notified; }, 5min));
        EXPECT_EQ(w.orders.asked, 2);
        EXPECT_EQ(w.orders.placed.size(), 1U) << "the same order";
        EXPECT_EQ(w.metrics.counted("voicemails_told_total"), 1);
    });
}

TEST(recording_keeper, be_26_an_order_whose_answer_is_lost_is_asked_for_again_and_placed_once) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::message);
        w.orders.after = [&] {
            if (w.orders.asked == 1) throw port::unavailable("cut");
        };
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.notified; }, 1min));
        EXPECT_EQ(w.orders.asked, 2);
        EXPECT_EQ(w.orders.placed.size(), 1U);
        EXPECT_TRUE(kept(r));
    });
}

TEST(recording_keeper, be_26_a_message_kept_before_anybody_could_be_told_is_told_of_later) {
    for (const bool full : {false, true}) {
        static bool too_many;
        too_many = full;
        run([](world& w) -> awaitable<void> {
            auto& r = w.add(1, purpose::message);
            w.settings.remove_originals = true;
            (too_many ? w.orders.too_many : w.orders.away) = true;
            w.add_node();
            EXPECT_TRUE(co_await until([&] { return kept(r) && r.what.attempts >= 3; }, 5min));
            EXPECT_FALSE(r.what.notified);
            EXPECT_TRUE(std::is_sorted(r.pauses.begin(), r.pauses.end()));
            EXPECT_GT(r.pauses.back(), r.pauses.at(0));
            w.orders.too_many = w.orders.away = false;
            EXPECT_TRUE(co_await until([&] { return r.what.notified; }, 5min));
            EXPECT_EQ(w.orders.placed.size(), 1U);
            EXPECT_EQ(w.carrier.fetches, 1);
            EXPECT_TRUE(kept(r));
            EXPECT_FALSE(r.due);
            EXPECT_TRUE(w.carrier.there.empty()) << "what else was to be done is done";
            EXPECT_EQ(w.metrics.counted("voicemails_told_total"), 1);
            EXPECT_EQ(w.disagreement(), "");
        });
    }
}

TEST(recording_keeper, be_26_without_a_vault_the_message_is_told_of_and_the_recording_rests) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::message);
        w.has_vault = false;
        w.orders.away = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return r.what.attempts == 2; }, 1min));
        w.orders.away = false;
        EXPECT_TRUE(co_await until([&] { return r.what.notified; }, 1min));
        EXPECT_EQ(r.what.status, recording_status::waiting);
        EXPECT_FALSE(r.due);
        EXPECT_EQ(r.what.attempts, 0U);
        EXPECT_EQ(w.carrier.fetches, 0);
        EXPECT_EQ(w.orders.placed.size(), 1U);
    });
}

TEST(recording_keeper, be_26_nobody_is_told_of_talks_nobodys_messages_and_empty_ones) {
    run([](world& w) -> awaitable<void> {
        w.add(1, purpose::talk);
        w.add(2, purpose::message).what.user = {};
        w.add(3, purpose::message).what.length = millis{999};
        auto& told_before = w.add(4, purpose::message);
        told_before.what.notified = true;
        w.add_node();
        EXPECT_TRUE(co_await until([&] {
            return w.store.count(recording_status::kept) == 3 &&
                   w.store.count(recording_status::removed) == 1;
        }));
        EXPECT_EQ(w.orders.asked, 0);
        EXPECT_EQ(w.news, 0);
        EXPECT_EQ(w.metrics.counted("voicemails_told_total"), 0);
    });
}

TEST(recording_keeper, be_26_where_nobody_can_be_told_messages_are_kept_all_the_same) {
    run([](world& w) -> awaitable<void> {
        auto& r = w.add(1, purpose::message);
        w.has_orders = false;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return kept(r); }));
        EXPECT_FALSE(r.what.notified);
        EXPECT_FALSE(r.due);
    });
}
