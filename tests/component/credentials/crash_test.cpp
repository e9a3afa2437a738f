// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A process dies at any point of a device's life. The next one goes on from the rows: in the end each
// credential at the carrier belongs to a row that is not dead, and each such row has its credential (I4).
#include "world.hpp"

#include <random>

using namespace z360;
using namespace z360::testing;
using credential::identity_state;

namespace {

constexpr std::int64_t k_device = 1;

void seen(world& w, std::int64_t d) {
    w.store.devices.at(d).last_seen = w.clock.now();
}

/// Register, take a token, rotate, prove the new one, take a token, log out.
awaitable<void> whole_life(world& w, credential_manager::manager& node, bool* finished) {
    const device_id d{k_device};
    (void)co_await node.ensure(d, 10s);
    (void)co_await node.token(d, 10s);
    w.clock.shift += 26 * 24h;
    seen(w, k_device);
    node.look_at(d);
    (void)co_await until([&] { return w.store.in(d, identity_state::rotating) != nullptr; });
    if (auto* a = w.store.in(d, identity_state::active))
        a->what.delivered_at = a->what.proved_at = w.clock.now();
    node.look_at(d);
    (void)co_await until([&] { return w.dead() == 1; });
    (void)co_await node.token(d, 10s);
    w.store.remove_device(d);
    node.look_at(d);
    (void)co_await until([&] { return w.dead() == 2; });
    *finished = true;
}

/// The next process: whatever was begun comes to an end.
awaitable<void> recover(world& w, int at) {
    w.points.open();
    w.store.expire_claims();
    const device_id d{k_device};
    auto& node = w.add_node();
    const bool agreed = co_await until([&] { return w.disagreement().empty(); }, 5s);
    EXPECT_TRUE(agreed) << "killed at " << at << ": " << w.disagreement();
    if (w.store.devices.at(k_device).entitled) {
        EXPECT_TRUE((co_await node.ensure(d, 5s)).ready) << "killed at " << at;
        EXPECT_EQ(w.store.count_in(identity_state::active), 1U) << "killed at " << at;
        EXPECT_EQ((co_await node.token(d, 5s)).what, credential_manager::token_status::state::fresh)
            << "killed at " << at;
    }
    const auto c = co_await node.compare();
    EXPECT_TRUE(c.complete);
    EXPECT_EQ(c.strangers + c.missing, 0U) << "killed at " << at;
    w.store.remove_device(d);
    node.look_at(d);
    EXPECT_TRUE(co_await until([&] { return w.carrier.there.empty() && w.disagreement().empty(); }, 5s))
        << "killed at " << at << ": " << w.disagreement();
    EXPECT_LE(w.carrier.carried_out["create"], 2) << "killed at " << at << ": one was made twice";
}

awaitable<void> kill_at(world& w, int at, bool answers_get_lost, bool* finished) {
    // With lost answers every create and every delete leads over a search by name, or a repeat.
    if (answers_get_lost)
        w.carrier.faults = [&w](const std::string& op) {
            const bool first = op == "create" || (op == "remove" && w.carrier.requests[op] % 2 == 1);
            return first ? fault::lost_reply : fault::none;
        };
    w.settings.work_every = 50ms; // looks come at once; fewer idle rounds, fewer points without meaning
    w.store.add_device(k_device);
    w.points.stop_at = at;
    auto& node = w.add_node();
    rt::task_group life(w.io.get_executor());
    life.spawn(whole_life(w, node, finished));
    (void)co_await until([&] { return *finished || w.points.stopped; });
    co_await node.stop(0ms);
    co_await life.join();
    w.nodes.clear();
    co_await recover(w, at);
    co_await w.stop_all();
}

/// Lives one life after the other, each killed a point later, until one comes to its end. Returns its points.
int kill_everywhere(bool answers_get_lost) {
    bool finished = false;
    int at = 0;
    while (!finished && ++at < 1'000) {
        world w;
        std::exception_ptr error;
        boost::asio::co_spawn(
            w.io, kill_at(w, at, answers_get_lost, &finished), [&error](std::exception_ptr e) { error = e; }
        );
        w.io.run();
        if (error) std::rethrow_exception(error);
        if (::testing::Test::HasFailure()) break;
    }
    EXPECT_TRUE(finished) << "killed at point " << at;
    return at;
}

} // namespace

TEST(credentials, i_04_a_kill_at_any_point_of_a_life_leaves_nothing_behind_be_13_be_05) {
    EXPECT_GT(kill_everywhere(false), 60) << "a life has many points";
}

TEST(credentials, i_04_a_kill_at_any_point_of_a_life_with_lost_answers_leaves_nothing_behind) {
    EXPECT_GT(kill_everywhere(true), 70);
}

TEST(credentials, be_13_a_kill_between_create_and_row_is_adopted_by_name) {
    run([](world& w) -> awaitable<void> {
        const auto d = w.store.add_device(1);
        auto& first = w.add_node(false);
        // The reply of the create is the last thing that happens.
        w.carrier.faults = [&w](const std::string& op) {
            if (op == "create") w.points.stop_at = w.points.passed + 1;
            return fault::none;
        };
        (void)co_await first.ensure(d, 20ms);
        EXPECT_TRUE(co_await until([&] { return w.points.stopped; }));
        EXPECT_EQ(w.carrier.there.size(), 1U);
        co_await w.stop_all(0ms);
        w.points.open();
        w.store.expire_claims();
        w.carrier.faults = [](const std::string&) { return fault::none; };
        const auto id = w.carrier.there.begin()->first;
        w.add_node();
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.store.in(d, identity_state::active)->telnyx_id, id);
        EXPECT_EQ(w.carrier.requests["create"], 1);
        EXPECT_EQ(w.disagreement(), "");
    });
}

TEST(credentials, i_04_two_managers_at_once_under_faults_end_in_agreement) {
    run([](world& w) -> awaitable<void> {
        std::mt19937_64 dice(4);
        w.carrier.faults = [&dice](const std::string&) {
            const auto n = dice() % 12;
            return n == 0   ? fault::busy
                   : n == 1 ? fault::lost_request
                   : n == 2 ? fault::lost_reply
                   : n == 3 ? fault::stall
                            : fault::none;
        };
        w.carrier.stall = 3ms;
        auto& one = w.add_node();
        auto& two = w.add_node();
        for (int n = 1; n <= 20; ++n) {
            const auto d = w.store.add_device(n);
            (void)co_await (n % 2 == 0 ? one : two).ensure(d, 5ms);
            one.look_at(d);
            two.look_at(d);
        }
        const auto all_active = [&] { return w.store.count_in(identity_state::active) == 20; };
        EXPECT_TRUE(co_await until(all_active));
        w.clock.shift = 26 * 24h;
        for (int n = 1; n <= 20; ++n)
            seen(w, n);
        EXPECT_TRUE(co_await until([&] {
            return w.store.count_in(identity_state::rotating) == 20 && all_active();
        }));
        for (auto& [n, r] : w.store.rows)
            if (r.what.now_in == identity_state::active) r.what.proved_at = w.clock.now();
        EXPECT_TRUE(co_await until([&] { return w.dead() == 20; }));
        for (int n = 1; n <= 10; ++n) {
            w.store.remove_device(device_id{n});
            (n % 2 == 0 ? one : two).look_at(device_id{n});
        }
        EXPECT_TRUE(co_await until([&] { return w.dead() == 30; }));
        EXPECT_TRUE(co_await until([&] { return w.disagreement().empty(); })) << w.disagreement();
        EXPECT_EQ(w.store.count_in(identity_state::active), 10U);
        EXPECT_EQ(w.carrier.carried_out["create"], 40) << "each identity was made once";
    });
}
