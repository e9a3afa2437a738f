// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A device registers: one credential, whatever happens meanwhile.
#include "world.hpp"

using namespace z360;
using namespace z360::testing;
using credential::identity_state;

namespace {

awaitable<void>
ask(credential_manager::manager* node, device_id d, millis budget, credential_manager::identity_status* out) {
    *out = co_await node->ensure(d, budget);
}

awaitable<void> expect_unavailable(credential_manager::manager* node, device_id d) {
    bool thrown = false;
    try {
        (void)co_await node->ensure(d, 100ms);
    } catch (const port::unavailable&) {
        thrown = true;
    }
    EXPECT_TRUE(thrown);
}

} // namespace

TEST(credentials, be_13_fifty_parallel_registrations_of_one_device_make_one_credential) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        std::vector<credential_manager::identity_status> got(50);
        co_await together(50, [&](int n) { return ask(&node, d, 5s, &got[static_cast<std::size_t>(n)]); });
        for (const auto& s : got) {
            EXPECT_TRUE(s.ready);
            EXPECT_EQ(s.sip_username, got[0].sip_username);
            EXPECT_EQ(s.version, 1);
            EXPECT_TRUE(s.expires_at);
        }
        EXPECT_EQ(w.carrier.requests["create"], 1);
        EXPECT_EQ(w.store.rows.size(), 1U);
        const auto& made = w.carrier.there.begin()->second;
        EXPECT_EQ(made.name, "z360-test-" + w.store.rows.at(1).key.text());
        EXPECT_EQ(made.tag, "z360-test-" + w.store.installation.id.text() + "-u1001");
        EXPECT_EQ(made.expires_at, w.store.rows.at(1).what.expires_at) << "the same end on both sides";
    });
}

TEST(credentials, be_13_two_nodes_make_one_credential) {
    run([](world& w) -> awaitable<void> {
        auto& one = w.add_node(false);
        auto& two = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        std::vector<credential_manager::identity_status> got(20);
        co_await together(20, [&](int n) {
            return ask(n % 2 == 0 ? &one : &two, d, 5s, &got[static_cast<std::size_t>(n)]);
        });
        for (const auto& s : got)
            EXPECT_TRUE(s.ready);
        EXPECT_EQ(w.carrier.requests["create"], 1);
    });
}

TEST(credentials, be_13_ten_devices_in_parallel_make_exactly_ten) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        std::vector<credential_manager::identity_status> got(30);
        for (int n = 1; n <= 10; ++n)
            w.store.add_device(n);
        co_await together(30, [&](int n) {
            return ask(&node, device_id{n % 10 + 1}, 5s, &got[static_cast<std::size_t>(n)]);
        });
        EXPECT_EQ(w.carrier.requests["create"], 10);
        EXPECT_EQ(w.carrier.there.size(), 10U);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(credentials, an_identity_that_is_there_costs_one_look_at_the_database) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        w.store.calls.clear();
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        EXPECT_EQ(w.store.calls, (std::map<std::string, int>{{"read", 1}}));
    });
}

TEST(credentials, be_13_a_create_whose_reply_is_lost_is_found_by_name) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.carrier.faults = [](const std::string& op) {
            return op == "create" ? fault::lost_reply : fault::none;
        };
        const auto s = co_await node.ensure(d, 5s);
        EXPECT_TRUE(s.ready);
        EXPECT_EQ(w.carrier.requests["create"], 1);
        EXPECT_FALSE(w.store.rows.at(1).password.empty()) << "adopted with its password";
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(credentials, be_13_of_several_with_one_name_the_oldest_is_kept) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        auto& row = w.store.add_row(d, identity_state::pending, "");
        row.what.asked_at = w.clock.now() - 10s;
        const auto name = "z360-test-" + row.key.text();
        auto& dead = w.carrier.plant(name, w.clock.now() - 40 * 24h);
        dead.expired = true;
        const auto kept = w.carrier.plant(name, w.clock.now() - 9s).id;
        w.carrier.plant(name, w.clock.now() - 8s);
        const auto s = co_await node.ensure(d, 5s);
        EXPECT_TRUE(s.ready);
        EXPECT_EQ(w.carrier.requests["create"], 0);
        EXPECT_EQ(w.carrier.there.size(), 1U);
        EXPECT_EQ(w.store.rows.at(1).telnyx_id, kept);
    });
}

TEST(credentials, the_budget_ends_the_wait_and_not_the_work) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.carrier.stall = 200ms;
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        const auto began = std::chrono::steady_clock::now();
        const auto s = co_await node.ensure(d, 20ms);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 180ms);
        EXPECT_FALSE(s.ready);
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.carrier.requests["create"], 1);
    });
}

TEST(credentials, cred_03_three_failures_and_then_the_identity_follows_by_itself) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        int creates = 0;
        w.carrier.faults = [&creates](const std::string& op) {
            if (op != "create") return fault::none;
            ++creates;
            return creates == 1   ? fault::busy
                   : creates == 2 ? fault::lost_request
                   : creates == 3 ? fault::refused
                                  : fault::none;
        };
        const auto s = co_await node.ensure(d, 2s);
        EXPECT_FALSE(s.ready);
        EXPECT_EQ(s.identity, identity_id{1}) << "pending, and it has a row";
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.carrier.requests["create"], 4);
        EXPECT_EQ(w.store.rows.size(), 1U);
        EXPECT_EQ(w.disagreement(), "");
        EXPECT_EQ(
            w.metrics.counted("credential_work_total", {{"step", "provision"}, {"outcome", "refused"}}), 1
        );
    });
}

TEST(credentials, be_05_a_device_removed_while_its_identity_is_made_leaves_nothing) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        w.carrier.faults = [](const std::string& op) { return op == "create" ? fault::stall : fault::none; };
        const auto s = co_await node.ensure(d, 5ms);
        EXPECT_FALSE(s.ready);
        EXPECT_TRUE(co_await until([&] { return w.carrier.requests["create"] == 1; }));
        w.store.remove_device(d);
        co_await w.store.retire(identity_id{1}, credential::retire_reason::device_gone, w.clock.now());
        node.look_at(d);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1 && w.carrier.there.empty(); }));
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(credentials, a_claim_of_another_node_is_waited_for_within_the_budget) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.store.devices.at(1).claimed_until = std::chrono::steady_clock::now() + 1h;
        EXPECT_FALSE((co_await node.ensure(d, 30ms)).ready);
        EXPECT_EQ(w.carrier.requests["create"], 0);
        w.store.devices.at(1).claimed_until = std::chrono::steady_clock::now() + 100ms;
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
    });
}

TEST(credentials, a_device_that_is_not_entitled_gets_no_identity) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.store.remove_device(d);
        EXPECT_FALSE((co_await node.ensure(d, 1s)).ready);
        EXPECT_FALSE((co_await node.ensure(device_id{99}, 1s)).ready);
        EXPECT_TRUE(w.store.rows.empty());
        EXPECT_TRUE(w.carrier.requests.empty());
    });
}

TEST(credentials, a_database_that_is_away_is_said_and_nothing_is_lost) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.store.away = true;
        co_await expect_unavailable(&node, d);
        w.store.away = false;
        // Away between the create and its row: the next one finds it by name.
        w.carrier.faults = [&w](const std::string& op) {
            if (op == "create") w.store.away = true;
            return fault::none;
        };
        co_await expect_unavailable(&node, d);
        w.store.away = false;
        w.carrier.faults = [](const std::string&) { return fault::none; };
        w.store.expire_claims();
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready);
        EXPECT_EQ(w.carrier.requests["create"], 1);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(credentials, without_a_connection_nothing_is_asked_of_the_carrier) {
    run([](world& w) -> awaitable<void> {
        w.settings.connection_id = "";
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_FALSE((co_await node.ensure(d, 1s)).ready);
        EXPECT_TRUE(co_await until([&] { return w.store.rows.at(1).what.failures >= 2; }));
        EXPECT_TRUE(w.carrier.requests.empty());
        EXPECT_NE(w.store.rows.at(1).error.find("no credential connection"), std::string::npos);
    });
}
