// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The engine over in-memory ports: order of durability, decision and action; outages; several nodes.
#include "support/engine_play.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;

namespace {

engine::genuine_webhook raw(port::inbox_event e) {
    return {e.route, e.received_at, std::move(e.body)};
}

struct world : engine_world {
    int serial = 0;

    engine::engine& add_node() { return start(ports()); }

    port::inbox_event
    event(const std::string& type, const std::string& control_id, const std::string& extra = "") {
        return event_of(type, "event-" + std::to_string(++serial), control_id, extra);
    }
    port::inbox_event initiated() { return event("call.initiated", "v3:caller", k_caller_waits); }
    port::inbox_event device(const std::string& type, int n) {
        return event(
            type, "v3:" + legs[static_cast<std::size_t>(n - 1)].text(),
            R"(,"client_state":"mark:)" + std::to_string(n) + R"(")"
        );
    }
};

awaitable<void> happy(world& w) {
    auto& node = w.add_node();
    auto first = w.initiated();
    const auto taken = co_await node.accept(raw(std::move(first)));
    EXPECT_EQ(taken, engine::accepted::stored);
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    EXPECT_EQ(w.store.commands.size(), 2U); // BE-20: the rows were there before the dials
    auto answered = w.device("call.answered", 2);
    co_await node.accept(raw(std::move(answered)));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 1);
    auto b1 = w.device("call.bridged", 2);
    co_await node.accept(raw(std::move(b1)));
    auto b2 = w.event("call.bridged", "v3:caller");
    co_await node.accept(raw(std::move(b2)));
    WAIT_FOR(w.in(call::phase::active));
    auto bye = w.event("call.hangup", "v3:caller", R"(,"hangup_cause":"normal_clearing")");
    co_await node.accept(raw(std::move(bye)));
    WAIT_FOR(w.in(call::phase::ended));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 2);
    WAIT_FOR(w.store.processed.size() == 5);
    EXPECT_EQ(w.state()->reason, call::end_reason::completed);
}

awaitable<void> postgres_away(world& w) {
    auto& node = w.add_node();
    auto first = w.initiated();
    co_await node.accept(raw(std::move(first)));
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    w.store.away = true;
    auto answered = w.device("call.answered", 1);
    const auto taken = co_await node.accept(raw(std::move(answered)));
    EXPECT_EQ(taken, engine::accepted::spooled);
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1); // joined without the database
    EXPECT_EQ(node.now().unsaved_calls, 1U);
    EXPECT_TRUE(w.in(call::phase::ringing)); // the stored state knows nothing of it yet
    w.store.away = false;
    WAIT_FOR(w.in(call::phase::bridging) && node.now().unsaved_calls == 0);
    WAIT_FOR(w.spool.size() == 0);
    WAIT_FOR(w.store.processed.size() == 2); // the spooled event is decided again, to no effect
    EXPECT_EQ(w.telnyx.distinct(call::verb::bridge), 1U);
}

awaitable<void> new_call_without_postgres(world& w) {
    auto& node = w.add_node();
    w.store.away = true;
    w.directory.away = true;
    auto first = w.initiated();
    co_await node.accept(raw(std::move(first)));
    co_await rt::sleep_for(30ms); // tidy: allow, nothing may happen meanwhile
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    w.store.away = false;
    w.directory.away = false;
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
}

awaitable<void> two_nodes(world& w) {
    auto& a = w.add_node();
    auto& b = w.add_node();
    auto first = w.initiated();
    co_await a.accept(raw(std::move(first)));
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    WAIT_FOR(
        w.state() != nullptr && w.state()->legs[1].dial == call::dial_status::accepted &&
        w.state()->legs[0].dial == call::dial_status::accepted
    );
    w.store.slow = 5ms; // both decide before either has committed
    auto one = w.device("call.answered", 1);
    auto two = w.device("call.answered", 2);
    co_await a.accept(raw(std::move(one)));
    co_await b.accept(raw(std::move(two)));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) >= 1);
    EXPECT_EQ(w.telnyx.distinct(call::verb::bridge), 1U);
    EXPECT_GE(w.metrics.counts["commit_conflicts_total"], 1);
}

awaitable<void> hangup_first(world& w) {
    auto& node = w.add_node();
    auto bye = w.event("call.hangup", "v3:caller", R"(,"hangup_cause":"originator_cancel")");
    co_await node.accept(raw(std::move(bye)));
    co_await rt::sleep_for(5ms); // tidy: allow, nothing may happen meanwhile
    auto first = w.initiated();
    co_await node.accept(raw(std::move(first)));
    WAIT_FOR(w.in(call::phase::ended));
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    WAIT_FOR(w.store.processed.size() == 2);
}

awaitable<void> stranger(world& w) {
    w.settings.unknown_session_wait = 50ms;
    auto& node = w.add_node();
    auto lost = w.event("call.answered", "v3:nobody");
    const auto id = lost.event_id;
    co_await node.accept(raw(std::move(lost)));
    WAIT_FOR(w.inbox.rows.at(id).status == "dead");
    // What somebody else's leg has cost was not lost.
    auto cost = w.event("call.cost", "v3:nobody", R"(,"total_cost":"0.01")");
    const auto cost_id = cost.event_id;
    co_await node.accept(raw(std::move(cost)));
    WAIT_FOR(w.inbox.rows.at(cost_id).status == "ignored");
    auto odd = w.event("call.playback.started", "v3:nobody");
    const auto odd_id = odd.event_id;
    co_await node.accept(raw(std::move(odd)));
    WAIT_FOR(w.inbox.rows.at(odd_id).status == "ignored");
}

awaitable<void> takeover(world& w) {
    w.settings.command_claim = 30ms;
    w.settings.event_claim = 30ms;
    auto& a = w.add_node();
    w.telnyx.hold = true; // node a dies before any of its commands got through
    auto first = w.initiated();
    co_await a.accept(raw(std::move(first)));
    WAIT_FOR(w.store.commands.size() == 2);
    co_await a.stop(0ms);
    w.telnyx.hold = false;
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    w.add_node();
    WAIT_FOR(w.telnyx.distinct(call::verb::dial) == 2);
    WAIT_FOR(
        w.state()->legs[0].dial == call::dial_status::accepted &&
        w.state()->legs[1].dial == call::dial_status::accepted
    );
}

awaitable<void> timers(world& w) {
    w.directory.answer.rules.ring_time = 1'500ms;
    auto& a = w.add_node();
    auto first = w.initiated();
    co_await a.accept(raw(std::move(first)));
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    co_await a.stop(1s); // the node is gone when the ring runs out
    w.add_node();
    WAIT_FOR(w.in(call::phase::voicemail));
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 2);
}

awaitable<void> repeated(world& w) {
    auto& node = w.add_node();
    auto first = w.initiated();
    auto copy = first;
    auto altered = first;
    altered.body.replace(altered.body.find("parked"), 6, "walked");
    auto printed = first;
    printed.body = " " + printed.body + "\n";
    co_await node.accept(raw(std::move(first)));
    const auto again = co_await node.accept(raw(std::move(copy)));
    EXPECT_EQ(again, engine::accepted::duplicate);
    const auto reprinted = co_await node.accept(raw(std::move(printed)));
    EXPECT_EQ(reprinted, engine::accepted::duplicate);
    const auto forged = co_await node.accept(raw(std::move(altered)));
    EXPECT_EQ(forged, engine::accepted::conflict);
    EXPECT_EQ(w.metrics.counts["webhook_conflicts_total"], 1);
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 2);
    auto renewed = w.initiated(); // same call, new event id, long after
    const auto id = renewed.event_id;
    co_await node.accept(raw(std::move(renewed)));
    WAIT_FOR(w.inbox.rows.at(id).status == "ignored");
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 2U);
}

awaitable<void> overload(world& w) {
    w.settings.max_calls = 0;
    auto& node = w.add_node();
    bool refused = false;
    try {
        auto first = w.initiated();
        (void)co_await node.accept(raw(std::move(first)));
    } catch (const port::unavailable&) {
        refused = true;
    }
    EXPECT_TRUE(refused);
    auto bye = w.event("call.hangup", "v3:caller");
    const auto taken = co_await node.accept(raw(std::move(bye)));
    EXPECT_EQ(taken, engine::accepted::stored);
}

} // namespace

TEST(engine, be_20_rows_exist_before_the_dial_and_one_device_gets_the_caller) {
    run(happy);
}
TEST(engine, i_01_without_postgres_the_answerer_is_joined_and_all_is_saved_later) {
    run(postgres_away);
}
TEST(engine, i_03_a_call_that_arrives_without_postgres_rings_when_it_is_back) {
    run(new_call_without_postgres);
}
TEST(engine, be_07_two_nodes_two_answers_one_bridge) {
    run(two_nodes);
}
TEST(engine, be_12_a_hangup_that_overtakes_the_call_dials_nobody) {
    run(hangup_first);
}
TEST(engine, be_32_events_of_unknown_sessions_become_dead_letters_after_the_wait) {
    run(stranger);
}
TEST(engine, be_21_commands_of_a_dead_node_are_taken_over) {
    run(takeover);
}
TEST(engine, be_21_timers_of_a_dead_node_go_on) {
    run(timers);
}
TEST(engine, be_33_repeats_and_altered_repeats_change_nothing) {
    run(repeated);
}
TEST(engine, i_16_overload_refuses_new_rings_and_takes_hangups) {
    run(overload);
}
