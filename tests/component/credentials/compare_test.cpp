// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Both sides against each other.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;
using credential::identity_state;

namespace {

std::string stray_name(std::uint64_t n) {
    return "z360-test-" + uuid{9, n}.text();
}

/// As this world's database marks what it makes, or as another one's.
std::string tag_of(const uuid& installation) {
    return "z360-test-" + installation.text() + "-u1";
}
port::carrier_credential& plant_own(world& w, const std::string& name, time_point created_at) {
    auto& c = w.carrier.plant(name, created_at);
    c.tag = tag_of(w.store.installation.id);
    return c;
}

/// `n` devices with an identity each, known to both sides.
void populate(world& w, int n) {
    for (int k = 1; k <= n; ++k) {
        const auto d = w.store.add_device(k);
        auto& row = w.store.add_row(d, identity_state::active, "");
        const auto& c = w.carrier.plant("z360-test-" + row.key.text(), w.clock.now());
        row.telnyx_id = c.id;
        row.what.at_carrier = true;
        row.what.activated_at = w.clock.now();
        row.what.expires_at = c.expires_at;
    }
}

} // namespace

TEST(credentials, be_06_strangers_with_our_prefix_vanish_and_others_stay) {
    run([](world& w) -> awaitable<void> {
        populate(w, 3);
        const auto old = w.clock.now() - 11min;
        for (std::uint64_t n = 1; n <= 50; ++n)
            plant_own(w, stray_name(n), old);
        for (int n = 0; n < 5; ++n)
            w.carrier.plant("somebody else's " + std::to_string(n), old);
        w.carrier.plant("z360-test-eu-" + uuid{9, 100}.text(), old);
        w.carrier.plant("z360-production-" + uuid{9, 101}.text(), old);
        w.carrier.plant("z360-test-by hand", old);
        const auto young = plant_own(w, stray_name(102), w.clock.now() - 9min).id;
        auto& node = w.add_node();
        const auto c = co_await node.compare();
        EXPECT_TRUE(c.complete);
        EXPECT_EQ(c.listed, 62U);
        EXPECT_EQ(c.known, 3U);
        EXPECT_EQ(c.strangers, 51U);
        EXPECT_EQ(c.retired, 50U);
        EXPECT_EQ(c.missing, 0U);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 50; }));
        EXPECT_EQ(w.carrier.there.size(), 12U);
        EXPECT_TRUE(w.carrier.there.contains(young)) << "its row may be on the way";
        EXPECT_EQ(w.store.checked_rows.size(), 3U);
        EXPECT_EQ(w.metrics.total("credential_comparison_strangers_total"), 51);
    });
}

TEST(credentials, be_06_the_wrong_database_deletes_nothing_of_another_installation) {
    run([](world& w) -> awaitable<void> {
        // Production's credentials, as an empty database sees them, and some of before there were ids.
        const uuid production{8, 8};
        const auto old = w.clock.now() - 24h;
        for (std::uint64_t n = 1; n <= 6; ++n)
            w.carrier.plant(stray_name(n), old).tag = tag_of(production);
        for (const char* tag : {"", "z360-test-u1", "by hand", "z360-test-not-a-uuid-u1", "z360-test-"})
            w.carrier.plant(stray_name(w.carrier.there.size() + 1), old).tag = tag;
        w.carrier.plant(stray_name(99), old).tag = "z360-live-" + w.store.installation.id.text() + "-u1";
        auto& node = w.add_node();
        for (int round = 0; round < 3; ++round) {
            const auto c = co_await node.compare();
            EXPECT_EQ(c.strangers, 12U);
            EXPECT_EQ(c.foreign, 12U);
            EXPECT_EQ(c.retired, 0U);
            EXPECT_EQ(c.installations, std::vector{production.text()});
        }
        EXPECT_EQ(w.carrier.there.size(), 12U);
        EXPECT_TRUE(w.store.rows.empty());
        EXPECT_EQ(w.metrics.gauge_value("credential_strangers_foreign"), 12);
    });
}

TEST(credentials, be_06_at_most_fifty_or_a_tenth_of_its_own_strangers_go_in_one_comparison) {
    run([](world& w) -> awaitable<void> {
        const auto old = w.clock.now() - 11min;
        for (std::uint64_t n = 1; n <= 120; ++n)
            plant_own(w, stray_name(n), old);
        auto& node = w.add_node(false);
        auto c = co_await node.compare();
        EXPECT_EQ(c.retired, 50U);
        EXPECT_EQ(c.postponed, 70U);
        EXPECT_EQ(w.metrics.gauge_value("credential_strangers_postponed"), 70);
        node.start();
        EXPECT_TRUE(co_await until([&] { return w.dead() == 50; }));
        EXPECT_EQ((co_await node.compare()).postponed, 20U);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 100; }));
        EXPECT_EQ((co_await node.compare()).postponed, 0U);
        EXPECT_TRUE(co_await until([&] { return w.carrier.there.empty(); }));
    });
    run([](world& w) -> awaitable<void> {
        populate(w, 900);
        for (std::uint64_t n = 1; n <= 300; ++n)
            plant_own(w, stray_name(n), w.clock.now() - 11min);
        const auto c = co_await w.add_node(false).compare();
        EXPECT_EQ(c.retired, 120U) << "a tenth of 1,200";
        EXPECT_EQ(c.postponed, 180U);
        EXPECT_EQ(w.store.count_in(identity_state::active), 900U);
    });
}

TEST(credentials, be_06_people_may_adopt_strangers_or_confirm_that_they_go) {
    using strangers = credential_manager::manager::strangers;
    run([](world& w) -> awaitable<void> {
        const auto old = w.clock.now() - 11min;
        for (std::uint64_t n = 1; n <= 60; ++n)
            w.carrier.plant(stray_name(n), old).tag = n % 2 == 0 ? "" : tag_of(uuid{8, 8});
        auto& node = w.add_node();
        auto c = co_await node.compare(strangers::adopted);
        EXPECT_EQ(c.foreign, 0U);
        EXPECT_EQ(c.retired, 50U) << "the limit holds for them too";
        EXPECT_EQ(c.postponed, 10U);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 50; }));
        EXPECT_EQ((co_await node.compare()).retired, 10U) << "from now on they are this one's";
        EXPECT_TRUE(co_await until([&] { return w.carrier.there.empty(); }));
        // One without an id that is made later is nobody's again.
        w.carrier.plant(stray_name(70), w.clock.now() + 1s);
        w.clock.shift = 12min;
        EXPECT_EQ((co_await node.compare()).foreign, 1U);
    });
    run([](world& w) -> awaitable<void> {
        populate(w, 2);
        for (std::uint64_t n = 1; n <= 60; ++n)
            w.carrier.plant(stray_name(n), w.clock.now() - 11min).tag = n % 2 == 0 ? "" : tag_of(uuid{8, 8});
        const auto young = w.carrier.plant(stray_name(61), w.clock.now() - 1min).id;
        w.carrier.plant(stray_name(62), w.clock.now()).created_at.reset();
        w.carrier.plant("somebody else's", w.clock.now() - 11min);
        auto& node = w.add_node();
        const auto c = co_await node.compare(strangers::confirmed);
        EXPECT_EQ(c.retired, 61U);
        EXPECT_EQ(c.postponed, 0U);
        EXPECT_TRUE(co_await until([&] { return w.carrier.there.size() == 4; }));
        EXPECT_TRUE(w.carrier.there.contains(young)) << "its row may be on the way";
        EXPECT_EQ(w.store.count_in(identity_state::active), 2U);
        EXPECT_TRUE(w.store.installation.adopted.empty()) << "this once";
    });
}

TEST(credentials, be_41_a_lost_credential_is_made_anew) {
    run([](world& w) -> awaitable<void> {
        populate(w, 3);
        w.carrier.there.erase(w.store.rows.at(2).telnyx_id);
        auto& node = w.add_node();
        const auto c = co_await node.compare();
        EXPECT_TRUE(c.complete);
        EXPECT_EQ(c.missing, 1U);
        EXPECT_TRUE(
            co_await until([&] { return w.store.in(device_id{2}, identity_state::active) != nullptr; }, 5s)
        );
        EXPECT_TRUE(co_await until([&] { return w.disagreement().empty(); }));
        EXPECT_EQ(w.store.rows.at(2).why, credential::retire_reason::lost);
        EXPECT_EQ(w.store.rows.size(), 4U);
    });
}

TEST(credentials, be_41_a_failed_dial_leads_to_a_check_of_that_identity) {
    run([](world& w) -> awaitable<void> {
        populate(w, 2);
        w.carrier.there.erase(w.store.rows.at(2).telnyx_id);
        auto& node = w.add_node();
        node.check(identity_id{1});
        for (int n = 0; n < 20; ++n)
            node.check(identity_id{2});
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1 && w.disagreement().empty(); }, 5s));
        EXPECT_NE(w.store.in(device_id{2}, identity_state::active), nullptr);
        EXPECT_EQ(w.store.rows.at(1).what.now_in, identity_state::active);
        EXPECT_EQ(w.carrier.requests["get"], 2);
    });
}

TEST(credentials, be_41_an_incomplete_listing_says_nothing_about_what_is_missing) {
    run([](world& w) -> awaitable<void> {
        populate(w, 600);
        w.carrier.there.erase(w.store.rows.at(300).telnyx_id);
        int lists = 0;
        w.carrier.faults = [&lists](const std::string& op) {
            return op == "list" && ++lists >= 3 ? fault::lost_request : fault::none;
        };
        auto& node = w.add_node(false);
        const auto c = co_await node.compare();
        EXPECT_FALSE(c.complete);
        EXPECT_EQ(c.missing, 0U);
        EXPECT_EQ(c.listed, 500U);
        EXPECT_EQ(w.carrier.requests["get"], 0);
        EXPECT_EQ(w.store.count_in(identity_state::active), 600U);
    });
}

TEST(credentials, be_41_a_page_that_fails_once_is_asked_for_again) {
    run([](world& w) -> awaitable<void> {
        populate(w, 600);
        int lists = 0;
        w.carrier.faults = [&lists](const std::string& op) {
            return op == "list" && ++lists % 2 == 1 ? fault::busy : fault::none;
        };
        auto& node = w.add_node(false);
        const auto c = co_await node.compare();
        EXPECT_TRUE(c.complete);
        EXPECT_EQ(c.known, 600U);
    });
}

TEST(credentials, be_41_what_only_the_listing_lacks_is_confirmed_and_kept) {
    run([](world& w) -> awaitable<void> {
        populate(w, 3);
        w.carrier.there.at(w.store.rows.at(2).telnyx_id).connection_id = "another connection";
        auto& node = w.add_node(false);
        const auto c = co_await node.compare();
        EXPECT_EQ(c.missing, 0U);
        EXPECT_EQ(w.carrier.requests["get"], 1);
        EXPECT_EQ(w.store.count_in(identity_state::active), 3U);
    });
}

TEST(credentials, be_41_ten_thousand_are_compared_in_so_few_requests_that_a_minute_is_enough) {
    run([](world& w) -> awaitable<void> {
        populate(w, 10'000);
        w.carrier.there.erase(w.store.rows.at(5'000).telnyx_id);
        w.settings.requests_per_second = 400; // forty times the real pace, for the comparison half of it
        auto& node = w.add_node(false);
        const auto began = std::chrono::steady_clock::now();
        const auto c = co_await node.compare();
        EXPECT_TRUE(c.complete);
        EXPECT_EQ(c.known, 9'999U);
        EXPECT_EQ(c.missing, 1U);
        const auto requests = w.carrier.requests["list"] + w.carrier.requests["get"];
        EXPECT_LE(requests / 5, 60) << "seconds at five requests a second";
        EXPECT_GE(std::chrono::steady_clock::now() - began, (requests - 1) * 5ms) << "paced";
    });
}

TEST(credentials, i_04_a_second_credential_of_a_known_name_is_removed) {
    run([](world& w) -> awaitable<void> {
        populate(w, 1);
        const auto kept = w.store.rows.at(1).telnyx_id;
        w.carrier.plant("z360-test-" + w.store.rows.at(1).key.text(), w.clock.now() - 11min);
        auto& node = w.add_node();
        const auto c = co_await node.compare();
        EXPECT_EQ(c.retired, 1U);
        EXPECT_TRUE(co_await until([&] { return w.carrier.there.size() == 1 && w.dead() == 1; }));
        EXPECT_TRUE(w.carrier.there.contains(kept));
        EXPECT_EQ(w.store.in(device_id{1}, identity_state::active)->telnyx_id, kept);
    });
}

TEST(credentials, be_13_a_create_that_telnyx_carried_out_late_is_a_duplicate_and_goes_soon) {
    run([](world& w) -> awaitable<void> {
        populate(w, 2);
        const auto kept = w.store.rows.at(1).telnyx_id;
        const auto first = "z360-test-" + w.store.rows.at(1).key.text();
        const auto second = "z360-test-" + w.store.rows.at(2).key.text();
        w.carrier.plant(first, w.clock.now() - 121s);
        const auto fresh = w.carrier.plant(second, w.clock.now() - 60s).id;
        const auto stranger = plant_own(w, stray_name(1), w.clock.now() - 121s).id;
        auto& node = w.add_node();
        const auto c = co_await node.compare();
        EXPECT_EQ(c.strangers, 3U);
        EXPECT_EQ(c.retired, 1U);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1; }));
        EXPECT_EQ(w.carrier.named(first), 1);
        EXPECT_TRUE(w.carrier.there.contains(kept)) << "the one that the device has";
        EXPECT_TRUE(w.carrier.there.contains(fresh)) << "younger than two minutes";
        EXPECT_TRUE(w.carrier.there.contains(stranger)) << "its row may be on the way";
    });
}

TEST(credentials, i_04_a_dead_row_whose_credential_lives_again_is_deleted_again) {
    run([](world& w) -> awaitable<void> {
        const auto d = w.store.add_device(1);
        w.store.remove_device(d);
        auto& row = w.store.add_row(d, identity_state::dead, "cred-1");
        // The create had been given up; it arrived after the search for it.
        plant_own(w, "z360-test-" + row.key.text(), w.clock.now() - 11min);
        auto& node = w.add_node();
        EXPECT_EQ((co_await node.compare()).retired, 1U);
        EXPECT_TRUE(co_await until([&] { return w.carrier.there.empty(); }));
    });
}

TEST(credentials, one_node_at_a_time_compares) {
    run([](world& w) -> awaitable<void> {
        populate(w, 1);
        auto& node = w.add_node(false);
        w.store.leases["credential-comparison"] = {"another node", std::chrono::steady_clock::now() + 1h};
        EXPECT_FALSE((co_await node.compare()).complete);
        EXPECT_EQ(w.carrier.requests["list"], 0);
        w.store.leases.clear();
        EXPECT_TRUE((co_await node.compare()).complete);
        EXPECT_TRUE(w.store.leases.empty()) << "given back";
    });
}

TEST(credentials, be_41_the_comparison_runs_by_itself_soon_after_the_start) {
    run([](world& w) -> awaitable<void> {
        w.settings.compare_every = 20ms;
        populate(w, 1);
        w.carrier.there.clear();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.rows.size() == 2 && w.disagreement().empty(); }));
        const auto lists = w.carrier.requests["list"];
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["list"] > lists + 2; }));
    });
}
