// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What becomes due by itself: rotation, retirement, deletion; paced, and never during a call.
#include "world.hpp"

#include <random>

using namespace z360;
using namespace z360::testing;
using credential::identity_state;

namespace {

void seen(world& w, device_id d) {
    w.store.devices.at(d.value).last_seen = w.clock.now();
}

/// Most requests within any second.
std::size_t busiest_second(const std::vector<std::chrono::steady_clock::time_point>& times) {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < times.size(); ++last) {
        while (times[last] - times[first] >= 1s)
            ++first;
        most = std::max(most, last - first + 1);
    }
    return most;
}

/// A device that is gone; Telnyx still has its credential.
memory_credentials::row& logged_out(world& w, std::int64_t n) {
    const auto gone = w.store.add_device(n);
    w.store.remove_device(gone);
    auto& row = w.store.add_row(gone, identity_state::retiring, "");
    row.telnyx_id = w.carrier.plant("z360-test-" + row.key.text(), w.clock.now()).id;
    row.what.at_carrier = true;
    return row;
}

} // namespace

TEST(credentials, be_05_a_thousand_retirements_with_failures_end_dead_at_a_steady_pace) {
    run([](world& w) -> awaitable<void> {
        w.settings.requests_per_second = 600;
        std::mt19937_64 dice(5);
        w.carrier.faults = [&dice](const std::string&) {
            const auto n = dice() % 10;
            return n == 0   ? fault::busy
                   : n == 1 ? fault::lost_request
                   : n == 2 ? fault::lost_reply
                            : fault::none;
        };
        for (int n = 1; n <= 1'000; ++n) {
            const auto d = w.store.add_device(n);
            w.store.remove_device(d);
            auto& row = w.store.add_row(d, identity_state::retiring, "");
            row.telnyx_id = w.carrier.plant("z360-test-" + row.key.text(), w.clock.now()).id;
            row.what.at_carrier = true;
        }
        w.add_node();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1'000; }, 60s));
        EXPECT_EQ(w.dead(), 1'000U);
        EXPECT_TRUE(w.carrier.there.empty());
        EXPECT_EQ(w.disagreement(), "");
        // A tenth for timers that fire late on a busy machine and bring requests closer together.
        EXPECT_LE(busiest_second(w.carrier.times), 2 * 660U) << "each of two nodes keeps the pace";
        EXPECT_GE(w.carrier.times.size(), 1'200U) << "failures were repeated";
    });
}

TEST(credentials, be_05_an_identity_never_asked_for_is_buried_without_a_request) {
    run([](world& w) -> awaitable<void> {
        const auto d = w.store.add_device(1);
        w.store.remove_device(d);
        w.store.add_row(d, identity_state::retiring, "");
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1; }));
        EXPECT_TRUE(w.carrier.requests.empty());
    });
}

TEST(credentials, be_05_an_unknown_id_is_found_by_name_and_all_of_that_name_are_deleted) {
    run([](world& w) -> awaitable<void> {
        const auto d = w.store.add_device(1);
        w.store.remove_device(d);
        auto& row = w.store.add_row(d, identity_state::retiring, "");
        row.what.asked_at = w.clock.now();
        w.carrier.plant("z360-test-" + row.key.text(), w.clock.now());
        w.carrier.plant("z360-test-" + row.key.text(), w.clock.now());
        w.carrier.plant("z360-test-" + uuid{1, 1}.text(), w.clock.now());
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1; }));
        EXPECT_EQ(w.carrier.there.size(), 1U);
    });
}

TEST(credentials, cred_01_a_rotation_overlaps_and_ends_when_the_device_proves_the_new_one) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        w.clock.shift = 26 * 24h;
        seen(w, d);
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::rotating) != nullptr; }));
        auto* old = w.store.in(d, identity_state::rotating);
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        auto* fresh = w.store.in(d, identity_state::active);
        EXPECT_EQ(credential::dialable(w.store.view(d), w.clock.now()), std::vector{old->what.id});
        fresh->what.delivered_at = w.clock.now();
        EXPECT_EQ(credential::dialable(w.store.view(d), w.clock.now()).size(), 2U);
        const auto both = w.carrier.there.size();
        EXPECT_EQ(both, 2U);
        fresh->what.proved_at = w.clock.now();
        node.look_at(d);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1; }));
        EXPECT_EQ(w.carrier.there.size(), 1U);
        EXPECT_EQ(w.disagreement(), "");
        const auto s = co_await node.ensure(d, 5s);
        EXPECT_EQ(s.identity, fresh->what.id);
    });
}

TEST(credentials, mob_12_rotation_waits_for_the_end_of_the_call_and_then_is_prompt) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        const auto before = co_await node.ensure(d, 5s);
        w.store.devices.at(1).busy = true;
        w.clock.shift = 26 * 24h;
        seen(w, d);
        const auto rounds = w.store.calls["claim_due"];
        EXPECT_TRUE(co_await until([&] { return w.store.calls["claim_due"] > rounds + 20; }));
        EXPECT_EQ(w.carrier.requests["create"], 1);
        EXPECT_EQ((co_await node.ensure(d, 1s)).identity, before.identity);
        w.store.devices.at(1).busy = false;
        node.look_at(d);
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["create"] == 2; }, 2s))
            << "not a claim later";
    });
}

TEST(credentials, and_09_an_identity_that_would_lapse_in_a_call_is_extended_and_not_deleted) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        w.store.devices.at(1).busy = true;
        w.clock.shift = 30 * 24h - 60s;
        seen(w, d);
        EXPECT_TRUE(co_await until([&] { return w.carrier.carried_out["extend"] == 1; }));
        w.clock.shift += 4h;
        seen(w, d);
        w.store.remove_device(d); // even logging out waits for the end of the call
        node.look_at(d);
        const auto rounds = w.store.calls["claim_due"];
        EXPECT_TRUE(co_await until([&] { return w.store.calls["claim_due"] > rounds + 20; }));
        EXPECT_EQ(w.carrier.requests["remove"], 0);
        EXPECT_GT(w.carrier.there.begin()->second.expires_at, w.clock.now());
        EXPECT_EQ(w.store.rows.at(1).what.expires_at, w.carrier.there.begin()->second.expires_at);
        w.store.devices.at(1).busy = false;
        node.look_at(d);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1 && w.carrier.there.empty(); }, 2s));
    });
}

TEST(credentials, be_04_a_silent_device_is_suspended_and_its_credential_deleted) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        w.clock.shift = 31 * 24h;
        EXPECT_TRUE(co_await until([&] { return !w.store.devices.at(1).entitled && w.carrier.there.empty(); })
        );
        EXPECT_EQ(w.dead(), 1U);
        EXPECT_TRUE(credential::dialable(w.store.view(d), w.clock.now()).empty());
    });
}

TEST(credentials, an_outage_of_the_database_delays_work_and_loses_none) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        w.store.away = true;
        w.store.remove_device(d);
        node.look_at(d);
        const auto tries = w.store.calls["claim"];
        EXPECT_TRUE(co_await until([&] { return w.store.calls["claim"] > tries + 3; }));
        w.store.away = false;
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1 && w.carrier.there.empty(); }));
    });
}

TEST(credentials, many_wishes_to_look_at_one_device_are_one_look) {
    run([](world& w) -> awaitable<void> {
        const auto d = w.store.add_device(1);
        auto& node = w.add_node();
        for (int n = 0; n < 1'000; ++n)
            node.look_at(d);
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.store.calls["claim"], 1);
        EXPECT_EQ(w.carrier.requests["create"], 1);
    });
}

TEST(credentials, a_registration_is_not_held_up_by_a_heap_of_due_work) {
    run([](world& w) -> awaitable<void> {
        w.settings.requests_per_second = 5;
        for (int n = 2; n <= 400; ++n)
            (void)logged_out(w, n);
        auto& node = w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["remove"] >= 1; }));
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 1s)).ready);
        EXPECT_LE(w.carrier.requests["remove"], 10);
    });
}

TEST(credentials, a_registration_hurries_what_a_worker_already_holds) {
    run([](world& w) -> awaitable<void> {
        w.settings.requests_per_second = 5;
        for (int n = 1; n <= 19; ++n)
            logged_out(w, n).what.created_at -= 1min;
        const auto d = w.store.add_device(20);
        w.store.add_row(d, identity_state::pending, "");
        auto& node = w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["remove"] >= 1; }));
        EXPECT_GT(w.store.devices.at(20).claimed_until, std::chrono::steady_clock::now())
            << "the last in turn";
        EXPECT_TRUE((co_await node.ensure(d, 1s)).ready);
        EXPECT_LE(w.carrier.requests["remove"], 10);
    });
}

TEST(credentials, stopping_takes_no_longer_than_its_limit) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        w.carrier.stall = 60s;
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        EXPECT_FALSE((co_await node.ensure(d, 10ms)).ready);
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["create"] == 1; }));
        const auto began = std::chrono::steady_clock::now();
        co_await w.stop_all(100ms);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    });
}

TEST(credentials, the_figures_tell_states_backlog_and_devices_without_a_valid_identity) {
    run([](world& w) -> awaitable<void> {
        w.store.add_device(1);
        auto& row = w.store.add_row(device_id{1}, identity_state::active, "cred-x");
        row.what.expires_at = w.clock.now() + 10 * 24h;
        row.what.activated_at = w.clock.now();
        w.store.add_device(2);
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.metrics.gauge_value("credential_lapsed") >= 0; }));
        EXPECT_EQ(w.metrics.gauge_value("credentials", {{"state", "active"}}), 1);
        EXPECT_EQ(w.metrics.gauge_value("credentials", {{"state", "dead"}}), 0);
        EXPECT_EQ(w.metrics.gauge_value("credential_backlog"), 0);
        EXPECT_EQ(w.metrics.gauge_value("credential_lapsed"), 1);
    });
}

TEST(credentials, one_node_forgets_what_nobody_needs_in_batches_and_again_later) {
    run([](world& w) -> awaitable<void> {
        w.settings.purge_every = 50ms;
        w.store.outdated = 1'200;
        w.store.leases["purge"] = {"another node", std::chrono::steady_clock::now() + 1h};
        w.add_node();
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.calls["hold_lease"] >= 4; }));
        EXPECT_EQ(w.store.calls["purge"], 0) << "the other's turn";
        w.store.leases.clear();
        EXPECT_TRUE(co_await until([&] { return w.store.outdated == 0; }));
        EXPECT_GE(w.store.calls["purge"], 3) << "five hundred at a time";
        EXPECT_TRUE(co_await until([&] { return w.metrics.total("purged_rows_total") == 1'200; }));
        w.store.outdated = 1;
        EXPECT_TRUE(co_await until([&] { return w.store.outdated == 0; }));
    });
}
