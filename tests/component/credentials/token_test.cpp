// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Login tokens: cached, minted once, said to be stale while Telnyx is away.
#include "world.hpp"

#include <set>

using namespace z360;
using namespace z360::testing;
using credential::identity_state;
using what = credential_manager::token_status::state;

namespace {

awaitable<void> ask(credential_manager::manager* node, device_id d, credential_manager::token_status* out) {
    *out = co_await node->token(d, 5s);
}

} // namespace

TEST(credentials, cred_02_two_hundred_tabs_cost_one_token) {
    run([](world& w) -> awaitable<void> {
        auto& one = w.add_node(false);
        auto& two = w.add_node(false);
        const auto d = w.store.add_device(1);
        EXPECT_TRUE((co_await one.ensure(d, 5s)).ready);
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        std::vector<credential_manager::token_status> got(200);
        co_await together(200, [&](int n) {
            return ask(n % 2 == 0 ? &one : &two, d, &got[static_cast<std::size_t>(n)]);
        });
        for (const auto& t : got) {
            EXPECT_EQ(t.what, what::fresh);
            EXPECT_EQ(t.jwt.reveal(), "jwt-1");
        }
        EXPECT_EQ(w.carrier.requests["mint"], 1);
    });
}

TEST(credentials, cred_02_a_token_is_refreshed_after_about_four_fifths_of_its_life) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        const auto begin = w.clock.now();
        const auto first = co_await node.token(d, 5s);
        EXPECT_EQ(first.what, what::fresh) << "the identity was made for it";
        EXPECT_TRUE(first.refresh_after && first.expires_at);
        if (!first.refresh_after || !first.expires_at) co_return;
        EXPECT_GE(*first.refresh_after, begin + 7h + 30min);
        EXPECT_LE(*first.refresh_after, begin + 8h + 1min);
        EXPECT_GE(*first.expires_at, begin + 10h);
        w.clock.shift = 7h;
        EXPECT_EQ((co_await node.token(d, 5s)).jwt.reveal(), "jwt-1");
        w.clock.shift = 9h + 30min;
        const auto second = co_await node.token(d, 5s);
        EXPECT_EQ(second.what, what::fresh);
        EXPECT_EQ(second.jwt.reveal(), "jwt-2");
        EXPECT_GE(*second.expires_at, w.clock.now() + 8h);
        EXPECT_EQ(w.carrier.requests["mint"], 2);
        EXPECT_EQ(w.metrics.counted("credential_tokens_total", {{"result", "fresh"}}), 3);
    });
}

TEST(credentials, cred_02_refreshes_of_many_devices_are_spread) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        std::set<std::int64_t> minutes;
        for (int n = 1; n <= 50; ++n) {
            const auto t = co_await node.token(w.store.add_device(n), 5s);
            minutes.insert(
                std::chrono::floor<std::chrono::minutes>(*t.refresh_after).time_since_epoch().count()
            );
        }
        EXPECT_GE(minutes.size(), 15U);
    });
}

TEST(credentials, cred_02_while_the_carrier_is_away_the_old_token_is_handed_out_as_stale) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        (void)co_await node.token(d, 5s);
        w.clock.shift = 9h;
        w.carrier.faults = [](const std::string& op) {
            return op == "mint" ? fault::lost_request : fault::none;
        };
        const auto t = co_await node.token(d, 5s);
        EXPECT_EQ(t.what, what::stale);
        EXPECT_EQ(t.jwt.reveal(), "jwt-1");
        EXPECT_LE(*t.refresh_after, w.clock.now() + 5min) << "soon";
        w.clock.shift = 11h;
        const auto none = co_await node.token(d, 5s);
        EXPECT_EQ(none.what, what::unavailable);
        EXPECT_TRUE(none.jwt.empty()) << "never something in place of a token";
        w.carrier.faults = [](const std::string&) { return fault::none; };
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
    });
}

TEST(credentials, cred_02_a_stalled_carrier_costs_the_budget_and_no_more) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        (void)co_await node.token(d, 5s);
        w.clock.shift = 9h;
        w.carrier.stall = 300ms;
        w.carrier.faults = [](const std::string&) { return fault::stall; };
        EXPECT_EQ((co_await node.token(d, 20ms)).what, what::stale);
        EXPECT_TRUE(co_await until([&] { return w.store.rows.at(1).token->jwt.reveal() == "jwt-2"; }));
        EXPECT_EQ((co_await node.token(d, 20ms)).what, what::fresh);
    });
}

TEST(credentials, cred_02_a_token_without_a_readable_end_is_taken_to_live_eight_hours) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.carrier.token_life.reset();
        const auto t = co_await node.token(d, 5s);
        EXPECT_EQ(t.what, what::fresh);
        EXPECT_LE(*t.expires_at, w.clock.now() + 8h);
        EXPECT_GE(*t.expires_at, w.clock.now() + 8h - 1min);
        EXPECT_LE(*t.refresh_after, w.clock.now() + 6h + 24min);
    });
}

TEST(credentials, be_41_a_credential_lost_in_the_portal_is_noticed_at_the_next_token) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        w.carrier.there.clear();
        w.clock.shift = 9h;
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::pending);
        EXPECT_TRUE(co_await until([&] { return w.store.in(d, identity_state::active) != nullptr; }));
        EXPECT_EQ(w.store.rows.at(1).why, credential::retire_reason::lost);
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        EXPECT_TRUE(co_await until([&] { return w.disagreement().empty(); }));
    });
}

TEST(credentials, be_41_a_404_for_the_token_is_no_proof_that_the_credential_is_gone) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        for (const auto& [shift, expected] :
             {std::pair{millis{9h}, what::stale}, std::pair{millis{11h}, what::unavailable}}) {
            w.clock.shift = shift; // the token is old, then over
            w.carrier.faults = [](const std::string& op) {
                return op == "mint" ? fault::not_found : fault::none;
            };
            EXPECT_EQ((co_await node.token(d, 5s)).what, expected);
            EXPECT_EQ(w.store.rows.size(), 1U) << "no other identity is made";
            EXPECT_EQ(w.store.rows.at(1).what.now_in, identity_state::active);
            EXPECT_EQ(w.carrier.there.size(), 1U);
        }
        w.carrier.faults = [](const std::string&) { return fault::none; };
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        EXPECT_EQ(w.carrier.requests["create"], 1);
    });
}

TEST(credentials, be_41_replacements_of_one_device_wait_longer_each_time) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        millis shift = 9h;
        for (const auto& [pause, replaced] :
             {std::pair{millis{0}, true}, std::pair{millis{30s}, false}, std::pair{millis{31s}, true},
              std::pair{millis{61s}, false}, std::pair{millis{60s}, true}, std::pair{millis{2min}, false}}) {
            shift += pause;
            w.clock.shift = shift;
            const auto before = w.store.rows.size();
            w.carrier.there.clear(); // again and again
            const auto got = co_await node.token(d, 5s);
            EXPECT_EQ(got.what, replaced ? what::pending : what::unavailable) << pause.count();
            if (!replaced) {
                EXPECT_EQ(w.store.rows.size(), before) << pause.count();
                continue;
            }
            EXPECT_TRUE(co_await until([&] {
                return w.store.in(d, identity_state::active) != nullptr && w.store.rows.size() > before;
            }));
        }
    });
}

TEST(credentials, be_41_a_credential_that_expired_at_the_carrier_is_replaced) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node();
        const auto d = w.store.add_device(1);
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::fresh);
        w.carrier.there.begin()->second.expires_at = w.clock.now();
        w.clock.shift = 9h;
        w.store.devices.at(1).busy = true;
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::unavailable) << "kept for the length of the call";
        EXPECT_EQ(w.store.rows.at(1).what.now_in, identity_state::active);
        w.store.devices.at(1).busy = false;
        EXPECT_EQ((co_await node.token(d, 5s)).what, what::pending);
        EXPECT_TRUE(co_await until([&] { return w.dead() == 1 && w.disagreement().empty(); }));
        EXPECT_EQ(w.store.rows.at(1).why, credential::retire_reason::expired);
    });
}

TEST(credentials, a_device_without_an_identity_gets_no_token) {
    run([](world& w) -> awaitable<void> {
        auto& node = w.add_node(false);
        const auto d = w.store.add_device(1);
        w.store.remove_device(d);
        EXPECT_EQ((co_await node.token(d, 1s)).what, what::none);
        const auto later = w.store.add_device(2);
        w.carrier.faults = [](const std::string&) { return fault::busy; };
        EXPECT_EQ((co_await node.token(later, 1s)).what, what::pending);
    });
}
