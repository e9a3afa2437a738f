// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An operation fails in a way that nobody expected: a statement error, a bug, anything. Nothing stops for it,
// nothing is forgotten, and in the end everything is as it would have been without (I3).
#include "world.hpp"

#include <stdexcept>

using namespace z360;
using namespace z360::testing;
using credential::identity_state;

namespace {

const device_id k_device{1};
const device_id k_other{2};

void seen(world& w) {
    for (auto& [n, d] : w.store.devices)
        d.last_seen = w.clock.now();
}

/// As an app: asks again until it has an identity.
awaitable<credential_manager::identity_status> registered(credential_manager::manager& node, device_id d) {
    credential_manager::identity_status out;
    for (int tries = 0; tries < 200 && !out.ready; ++tries) {
        co_await rt::sleep_for(1ms);
        try {
            out = co_await node.ensure(d, 100ms);
        } catch (...) { // and once more
        }
    }
    EXPECT_TRUE(out.ready) << "device " << d.value;
    co_return out;
}

awaitable<void> logged_in(credential_manager::manager& node, device_id d) {
    auto state = credential_manager::token_status::state::unavailable;
    for (int tries = 0; tries < 200 && state != credential_manager::token_status::state::fresh; ++tries) {
        co_await rt::sleep_for(1ms);
        try {
            state = (co_await node.token(d, 100ms)).what;
        } catch (...) { // and once more
        }
    }
    EXPECT_EQ(state, credential_manager::token_status::state::fresh);
}

awaitable<void> compared(credential_manager::manager& node) {
    bool complete = false;
    for (int tries = 0; tries < 200 && !complete; ++tries) {
        co_await rt::sleep_for(1ms);
        try {
            complete = (co_await node.compare()).complete;
        } catch (...) { // and once more
        }
    }
    EXPECT_TRUE(complete);
}

/// Telnyx loses the credential, and a dial tells: found by a check of this one identity.
awaitable<void> lost_and_found(world& w, credential_manager::manager& node, device_id d) {
    const auto before = (co_await registered(node, d)).identity;
    w.carrier.there.erase(w.store.rows.at(before.value).telnyx_id);
    EXPECT_TRUE(co_await until([&] {
        node.check(before); // each dial that fails asks again
        const auto* active = w.store.in(d, identity_state::active);
        return active != nullptr && active->what.id != before;
    }));
}

/// Register, take a token, lose the credential, rotate, prove the new one, compare, take a token, log out.
awaitable<void> whole_life(world& w, credential_manager::manager& node) {
    (void)co_await registered(node, k_device);
    co_await logged_in(node, k_device);
    co_await lost_and_found(w, node, k_device);
    EXPECT_TRUE(co_await until([&] { return w.dead() == 1; }));
    w.clock.shift += 26 * 24h;
    seen(w);
    node.look_at(k_device);
    EXPECT_TRUE(co_await until([&] {
        return w.store.in(k_device, identity_state::rotating) != nullptr &&
               w.store.in(k_device, identity_state::active) != nullptr;
    }));
    if (auto* a = w.store.in(k_device, identity_state::active))
        a->what.delivered_at = a->what.proved_at = w.clock.now();
    node.look_at(k_device);
    EXPECT_TRUE(co_await until([&] { return w.dead() == 2; }));
    co_await compared(node);
    co_await logged_in(node, k_device);
    w.store.remove_device(k_device);
    node.look_at(k_device);
    EXPECT_TRUE(co_await until([&] { return w.dead() == 3 && w.carrier.there.empty(); }));
}

awaitable<void> live_with_a_fault(world& w, bool* reached) {
    w.settings.work_every = 20ms; // fewer idle rounds, fewer points without meaning
    w.settings.claim = 100ms;
    w.store.add_device(k_device.value);
    auto& node = w.add_node();
    co_await whole_life(w, node);
    *reached = w.points.thrown;
    w.points.throw_at.reset();
    // No mark was left standing: another device finds everything free.
    w.store.add_device(k_other.value);
    co_await logged_in(node, k_other);
    co_await lost_and_found(w, node, k_other);
    EXPECT_TRUE(co_await until([&] { return w.disagreement().empty(); })) << w.disagreement();
    EXPECT_EQ(w.carrier.carried_out["create"], 5) << "each identity was made once";
    for (const auto& l : node.loops()) {
        EXPECT_FALSE(l.late) << l.name;
        EXPECT_TRUE(co_await until([&] { return node.loops().at(0).failures == 0; })) << l.last_error;
    }
    co_await w.stop_all();
}

/// One life after the other, in each of them the n-th point throws, until a life has no such point any more.
int fail_everywhere(const std::function<void()>& throw_it) {
    bool reached = true;
    int at = 0;
    while (reached && ++at < 1'000) {
        world w;
        w.points.throw_at = at;
        w.points.throw_it = throw_it;
        std::exception_ptr error;
        boost::asio::co_spawn(w.io, live_with_a_fault(w, &reached), [&error](std::exception_ptr e) {
            error = e;
        });
        w.io.run();
        EXPECT_FALSE(error) << rt::what(error);
        if (::testing::Test::HasFailure()) {
            ADD_FAILURE() << "with a fault at point " << at;
            break;
        }
    }
    return at;
}

} // namespace

TEST(credentials, i_03_i_04_a_statement_error_at_any_point_of_a_life_changes_nothing_in_the_end) {
    EXPECT_GT(fail_everywhere([] { throw std::runtime_error("postgres: SQLSTATE 58030: I/O error"); }), 90);
}

TEST(credentials, i_03_i_04_an_outage_at_any_point_of_a_life_changes_nothing_in_the_end) {
    EXPECT_GT(fail_everywhere([] { throw port::unavailable("away for a moment"); }), 90);
}

TEST(credentials, i_03_i_04_whatever_is_thrown_at_any_point_of_a_life_changes_nothing_in_the_end) {
    EXPECT_GT(fail_everywhere([] { throw 42; }), 90);
}

TEST(credentials, i_03_one_device_that_always_fails_holds_up_no_other) {
    run([](world& w) -> awaitable<void> {
        w.settings.claim = 100ms;
        const auto bad = w.store.add_device(1);
        w.store.fault = [](const std::string&, std::int64_t device) {
            if (device == 1) throw std::runtime_error("a row of nonsense");
        };
        auto& node = w.add_node();
        node.look_at(bad);
        for (int n = 2; n <= 30; ++n) {
            const auto d = w.store.add_device(n);
            node.look_at(d);
            node.look_at(bad);
        }
        EXPECT_TRUE(co_await until([&] { return w.store.count_in(identity_state::active) == 29; }));
        EXPECT_GT(w.metrics.counted("credential_faults_total", {{"step", "claim"}}), 0);
        EXPECT_FALSE(node.loops().at(0).late);
        w.store.fault = {};
        EXPECT_TRUE(co_await until([&] { return w.store.in(bad, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.carrier.carried_out["create"], 30);
    });
}

TEST(credentials, i_03_a_person_who_waits_is_told_to_come_again_and_not_held_up_by_the_claim) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false); // no worker helps; the claim would last for 20 s
        const auto d = w.store.add_device(1);
        int faults = 1;
        w.store.fault = [&faults](const std::string& op, std::int64_t) {
            if (op == "activate" && faults-- > 0) throw std::runtime_error("postgres: SQLSTATE 42P01");
        };
        bool told = false;
        try {
            (void)co_await node.ensure(d, 5s);
        } catch (const port::unavailable&) {
            told = true;
        }
        EXPECT_TRUE(told);
        EXPECT_EQ(w.metrics.counted("credential_faults_total", {{"step", "ensure"}}), 1);
        EXPECT_TRUE((co_await node.ensure(d, 2s)).ready);
        EXPECT_EQ(w.carrier.carried_out["create"], 1) << "found by its name";
    });
}

TEST(credentials, i_03_the_loops_outlive_a_database_without_tables_and_tell_of_it) {
    run([](world& w) -> awaitable<void> {
        w.settings.compare_every = 20ms;
        w.settings.purge_every = 20ms;
        bool missing = false;
        w.store.fault = [&missing](const std::string&, std::int64_t) {
            if (missing) throw std::runtime_error("postgres: SQLSTATE 42P01: no such table");
        };
        auto& node = w.add_node();
        const auto failures = [&w](const char* loop) {
            return w.metrics.counted("loop_failures_total", {{"loop", loop}});
        };
        for (const char* loop : {"credential_work", "credential_comparison", "purge"})
            EXPECT_EQ(failures(loop), 0) << loop;
        EXPECT_NE(w.metrics.text().find("loop_failures_total{loop=purge} 0"), std::string::npos)
            << "from zero on";
        missing = true;
        EXPECT_TRUE(co_await until([&] {
            return failures("credential_work") >= 2 && failures("credential_comparison") >= 2 &&
                   failures("purge") >= 2;
        }));
        const auto states = node.loops();
        EXPECT_EQ(states.size(), 3U);
        for (const auto& l : states)
            EXPECT_NE(l.last_error.find("42P01"), std::string::npos) << l.name;
        const auto d = w.store.add_device(1);
        w.store.add_row(d, identity_state::pending, "");
        w.store.outdated = 1;
        missing = false;
        EXPECT_TRUE(co_await until([&] {
            return w.store.in(d, identity_state::active) != nullptr && w.store.outdated == 0 &&
                   w.store.calls["known"] > 0;
        }));
        EXPECT_TRUE(co_await until([&] {
            const auto now = node.loops();
            return std::all_of(now.begin(), now.end(), [](const auto& l) { return l.failures == 0; });
        }));
    });
}

TEST(credentials, be_41_one_credential_that_cannot_be_dealt_with_does_not_end_the_comparison) {
    run([](world& w) -> awaitable<void> {
        const auto long_ago = w.clock.now() - 24h;
        for (unsigned n = 1; n <= 3; ++n)
            w.carrier.plant("z360-test-" + uuid{1, n}.text(), long_ago).tag =
                "z360-test-" + w.store.installation.id.text() + "-u1";
        int first = 1;
        w.store.fault = [&first](const std::string& op, std::int64_t) {
            if (op == "adopt_for_removal" && first-- > 0) throw std::runtime_error("SQLSTATE 22021");
        };
        auto& node = w.add_node(false);
        const auto c = co_await node.compare();
        EXPECT_TRUE(c.complete);
        EXPECT_EQ(c.strangers, 3U);
        EXPECT_EQ(c.retired, 2U);
        EXPECT_NE(c.error.find("22021"), std::string::npos) << c.error;
        EXPECT_EQ((co_await node.compare()).retired, 1U);
    });
}
