// SPDX-License-Identifier: LicenseRef-z360-proprietary
// New callers: who rings at once, who waits, and what is asked before anything is dialed.
#include "callers_world.hpp"
#include "engine/routes.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

// ---- Postgres away

awaitable<void> from_memory(callers_world& w) {
    w.directory.names[w.number(1)] = "Ada";
    auto& node = w.add_node();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.dials_for(1) == 2);
    w.postgres(false);
    auto stranger = w.initiated(2);
    const auto stranger_id = stranger.event_id;
    co_await node.accept(w.raw(std::move(stranger)));
    WAIT_FOR(w.dials_for(2) == 2); // never called before: the number is known
    auto again = w.initiated(1);
    again.call_session_id = w.session(3);
    auto ada = w.event(
        "call.initiated", 3, w.caller(3),
        R"(,"direction":"incoming","state":"parked","from":")" + w.number(1) + R"(","to":"+15550109999")"
    );
    const auto ada_id = ada.event_id;
    co_await node.accept(w.raw(std::move(ada)));
    WAIT_FOR(w.dials_for(3) == 2);
    const auto begun_in_memory = std::vector{stranger_id, ada_id};
    for (const auto& c : w.telnyx.sent) {
        const auto* dial = std::get_if<call::dial_body>(&c.body);
        if (dial == nullptr) continue;
        EXPECT_EQ(dial->display_name, dial->call == w.call(2) ? "" : "Ada"); // nobody borrows a name
    }
    EXPECT_EQ(w.metrics.counts["routes_from_memory_total"], 2);
    w.postgres(true);
    WAIT_FOR(w.idle());
    EXPECT_TRUE(w.in(2, call::phase::ringing));
    for (const auto& id : begun_in_memory) // its row came after the call's, and says what became of it
        EXPECT_TRUE(w.store.processed.contains(id) && w.inbox.rows.at(id).status == "new") << id;
}

// Its spool is emptied only once the call is stored, before the eyes of another node.
awaitable<void> told_after(callers_world& w) {
    auto& a = w.add_node();
    auto first = w.initiated(1);
    co_await a.accept(w.raw(std::move(first)));
    WAIT_FOR(w.dials_for(1) == 2);
    w.postgres(false);
    auto second = w.initiated(2);
    const auto id = second.event_id;
    co_await a.accept(w.raw(std::move(second)));
    WAIT_FOR(w.dials_for(2) == 2);
    w.with_spool = false; // a process has a spool of its own
    w.add_node();
    auto held = std::exchange(w.spool.rows, {});
    w.postgres(true);
    WAIT_FOR(w.in(2, call::phase::ringing) && a.now().unsaved_calls == 0);
    EXPECT_FALSE(w.inbox.rows.contains(id));
    w.spool.rows = std::move(held);
    WAIT_FOR(w.idle() && w.inbox.rows.contains(id) && w.store.processed.contains(id));
    auto again = w.initiated(2); // another event about it is a repeat as before
    const auto repeat = again.event_id;
    co_await a.accept(w.raw(std::move(again)));
    WAIT_FOR(w.inbox.rows.contains(repeat) && w.inbox.rows.at(repeat).status == "ignored");
    EXPECT_EQ(w.inbox.rows.at(id).status, "new") << "not written off";
    EXPECT_EQ(w.dials_for(2), 2U);
}

awaitable<void> a_thousand(callers_world& w) {
    constexpr int k_callers = 1'000;
    w.settings.max_waiting = k_callers;
    w.directory.takes = 2ms;
    auto& node = w.add_node();
    w.postgres(false);
    for (int n = 1; n <= k_callers; ++n) {
        auto first = w.initiated(n);
        co_await node.accept(w.raw(std::move(first)));
    }
    WAIT_FOR(node.now().callers_waiting == k_callers);
    bool shed = false; // one more would wait for nothing; who hangs up is heard
    try {
        auto more = w.initiated(k_callers + 1);
        (void)co_await node.accept(w.raw(std::move(more)));
    } catch (const port::unavailable&) {
        shed = true;
    }
    EXPECT_TRUE(shed);
    for (int n = 10; n <= k_callers; n += 10) {
        auto bye = w.hangup(n);
        co_await node.accept(w.raw(std::move(bye)));
    }
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    const auto back = std::chrono::steady_clock::now();
    w.postgres(true);
    const auto settled = [&w] {
        return w.store.calls.size() == k_callers &&
               w.telnyx.count(call::verb::dial) >= k_callers * 9 / 10 * 2;
    };
    WAIT_FOR(settled());
    const auto took = std::chrono::duration_cast<millis>(std::chrono::steady_clock::now() - back);
    ::testing::Test::RecordProperty("settled_ms", static_cast<int>(took.count()));
    EXPECT_LT(took, 10s);
    EXPECT_LE(w.directory.most, 16U);
    for (int n = 10; n <= k_callers; n += 10) {
        EXPECT_TRUE(w.in(n, call::phase::ended)) << n;
        EXPECT_EQ(w.dials_for(n), 0U) << n;
    }
    // Oldest first: whoever was looked up came before everybody looked up more than a step later.
    std::vector<int> order;
    for (const auto& who : w.directory.asked)
        order.push_back(std::stoi(who.substr(5)) - 1'000'000);
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
        EXPECT_LE(order[i], order[i + 1] + 16) << i;
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.dead(), 0U);
}

awaitable<void> too_long(callers_world& w) {
    w.directory.answer.rules.ring_time = 1'100ms; // shorter than any real one
    auto& node = w.add_node();
    w.postgres(false);
    const auto began = std::chrono::steady_clock::now();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(std::chrono::steady_clock::now() - began > 1'200ms);
    w.postgres(true);
    WAIT_FOR(w.in(1, call::phase::voicemail));
    EXPECT_EQ(w.dials_for(1), 0U);
}

// ---- what begins a call takes up everything stored of its session

awaitable<void> buried_hangup(callers_world& w) {
    // As a node leaves it that gave the hang-up up before its call.initiated came, a minute later.
    auto bye = w.hangup(1);
    auto first = w.initiated(1);
    const auto bye_id = bye.event_id;
    std::vector<port::inbox_event> lost;
    lost.push_back(std::move(bye));
    (void)co_await w.inbox.append(std::move(lost), 0ms);
    std::vector<std::string> ids{bye_id};
    co_await w.inbox.mark_dead(std::move(ids), "unknown session");
    auto& node = w.add_node();
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::ended));
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    EXPECT_TRUE(w.store.processed.contains(bye_id));
}

awaitable<void> taken_while_parked(callers_world& w) {
    // The hang-up is in another node's hand at the moment at which the caller begins.
    auto bye = w.hangup(1);
    auto first = w.initiated(1);
    std::vector<port::inbox_event> other;
    other.push_back(std::move(bye));
    (void)co_await w.inbox.append(std::move(other), 60s);
    auto& node = w.add_node();
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::ended));
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
}

// Rung, answered and joined by the first device of the first caller.
std::vector<port::inbox_event> talk_of_a_minute_ago(callers_world& w) {
    std::vector<port::inbox_event> all;
    w.late = 70s;
    all.push_back(w.initiated(1));
    all.push_back(w.of_device("call.initiated", 1, 1));
    w.late = 65s;
    all.push_back(w.of_device("call.answered", 1, 1));
    all.push_back(w.event("call.answered", 1, w.caller(1)));
    w.late = 64s;
    all.push_back(w.of_device("call.bridged", 1, 1));
    all.push_back(w.event("call.bridged", 1, w.caller(1)));
    w.late = 0s;
    return all;
}

awaitable<void> restarted(callers_world& w) {
    // A node decided in memory, with Postgres away, and was killed; a minute later its spool is drained.
    auto all = talk_of_a_minute_ago(w);
    co_await w.spool.append(std::move(all));
    w.add_node();
    WAIT_FOR(w.in(1, call::phase::active));
    WAIT_FOR(w.idle());
    EXPECT_TRUE(w.in(1, call::phase::active)); // and stays
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U) << "the carrier has forgotten the ids of these dials";
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 0U);
    EXPECT_EQ(w.hangups_of(w.caller(1)), 0U);
    EXPECT_EQ(w.records.asked, std::vector<std::string>{w.caller(1)});
    EXPECT_EQ(w.dead(), 0U);
}

// Looked up once while it was closed, right before Postgres goes away: hours later it is open, and Postgres
// still away. A route that depends on the time of day must not be kept as one that "nothing can have
// changed".
awaitable<void> closed_in_memory(callers_world& w) {
    auto& node = w.add_node();
    const auto open = w.directory.answer;
    w.directory.answer.cause = call::route_cause::closed;
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::voicemail));
    w.directory.answer = open;
    w.postgres(false);
    auto second = w.initiated(2);
    co_await node.accept(w.raw(std::move(second)));
    WAIT_FOR(w.dials_for(2) == 2 || w.telnyx.count(call::verb::answer) == 2);
    EXPECT_EQ(w.telnyx.count(call::verb::answer), 1U) << "sent to voicemail by an answer of another hour";
    w.postgres(true);
}

// As `restarted`, and meanwhile the organisation has closed, or blocks this caller.
awaitable<void> restarted_as(callers_world& w, call::route now_routed) {
    auto all = talk_of_a_minute_ago(w);
    const auto rung = w.device(1, 1);
    w.directory.answer = std::move(now_routed);
    co_await w.spool.append(std::move(all));
    w.add_node();
    WAIT_FOR(w.in(1, call::phase::active) || w.in(1, call::phase::ended) || w.in(1, call::phase::voicemail));
    WAIT_FOR(w.idle());
    EXPECT_TRUE(w.in(1, call::phase::active));
    EXPECT_EQ(w.telnyx.count(call::verb::reject), 0U) << "a talk is not rejected";
    EXPECT_EQ(w.telnyx.count(call::verb::speak), 0U) << "nobody talks into a talk";
    EXPECT_EQ(w.telnyx.count(call::verb::record_start), 0U);
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    EXPECT_EQ(w.hangups_of(rung), 0U);
    EXPECT_EQ(w.hangups_of(w.caller(1)), 0U);
}
awaitable<void> restarted_as(callers_world& w, call::route_cause cause, const char* instead) {
    auto r = w.directory.answer;
    r.cause = cause;
    r.instead = instead;
    return restarted_as(w, std::move(r));
}
awaitable<void> restarted_closed(callers_world& w) {
    return restarted_as(w, call::route_cause::closed, "We are closed.");
}
awaitable<void> restarted_blocked(callers_world& w) {
    return restarted_as(w, call::route_cause::blocked, "");
}
awaitable<void> restarted_told(callers_world& w) {
    return restarted_as(w, call::route_cause::blocked, "Not you.");
}

awaitable<void> nobody_there(callers_world& w) {
    w.records.life[w.caller(1)] = port::leg_life::gone; // its hang-up was told to nobody
    w.late = 40s;
    auto first = w.initiated(1);
    auto& node = w.add_node();
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::ended));
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
}

awaitable<void> asked_again(callers_world& w) {
    w.records.life[w.caller(1)] = port::leg_life::unknown;
    w.late = 40s;
    auto first = w.initiated(1);
    w.late = 0s;
    auto& node = w.add_node();
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.records.asked.size() >= 2);
    EXPECT_EQ(w.telnyx.sent.size(), 0U);
    auto other = w.initiated(2); // nobody waits behind that
    co_await node.accept(w.raw(std::move(other)));
    WAIT_FOR(w.dials_for(2) == 2);
    w.records.life[w.caller(1)] = port::leg_life::alive;
    WAIT_FOR(w.dials_for(1) == 2);
    WAIT_FOR(w.idle());
}

awaitable<void> never_told(callers_world& w) {
    w.settings.caller_ask_limit = 300ms;
    w.records.away = true;
    w.late = 40s;
    auto first = w.initiated(1);
    auto& node = w.add_node();
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::voicemail));
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    EXPECT_GE(w.records.asked.size(), 2U);
    EXPECT_EQ(w.metrics.counts["callers_unasked_total"], 1);
}

awaitable<void> begun_already(callers_world& w) {
    auto& a = w.add_node();
    auto first = w.initiated(1);
    co_await a.accept(w.raw(std::move(first)));
    WAIT_FOR(w.dials_for(1) == 2);
    co_await a.stop(1s);
    w.nodes.clear();
    w.late = 40s;
    auto repeat = w.initiated(1);
    const auto id = repeat.event_id;
    auto& b = w.add_node();
    co_await b.accept(w.raw(std::move(repeat)));
    WAIT_FOR(w.inbox.rows.at(id).status == "ignored");
    EXPECT_EQ(w.dials_for(1), 2U);
    EXPECT_TRUE(w.records.asked.empty());
}

// This node has waited a whole ring for Postgres; another one knew the number, rang, and joined the caller in
// its memory. Only the carrier can tell.
awaitable<void> joined_elsewhere(callers_world& w) {
    w.directory.answer.rules.ring_time = 1'100ms;
    int asked = 0;
    auto record = std::make_shared<std::vector<port::inbox_event>>();
    w.ask = [&](std::string) -> awaitable<engine::carrier_answer> {
        engine::carrier_answer out;
        out.answered = ++asked > 1; // it could not be asked at first
        if (out.answered)
            for (const auto& e : *record)
                out.events.push_back({e, false});
        co_return out;
    };
    auto& node = w.add_node();
    w.postgres(false);
    const auto began = std::chrono::steady_clock::now();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    record->push_back(w.of_device("call.initiated", 1, 1));
    record->push_back(w.of_device("call.answered", 1, 1));
    record->push_back(w.event("call.answered", 1, w.caller(1)));
    record->push_back(w.of_device("call.bridged", 1, 1));
    record->push_back(w.event("call.bridged", 1, w.caller(1)));
    WAIT_FOR(std::chrono::steady_clock::now() - began > 1'200ms);
    w.postgres(true);
    WAIT_FOR(w.in(1, call::phase::active));
    WAIT_FOR(w.idle());
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(w.telnyx.count(call::verb::speak), 0U) << "nobody talks into a talk";
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 0U);
    EXPECT_EQ(w.hangups_of(w.device(1, 1)), 0U);
}

// The ring is over, and the carrier takes its time to say what it has on record: what is issued then has its
// whole deadline.
awaitable<void> asked_for_long(callers_world& w) {
    w.directory.answer.rules.ring_time = 1'100ms;
    time_point told{};
    w.ask = [&](std::string) -> awaitable<engine::carrier_answer> {
        co_await rt::sleep_for(700ms); // tidy: allow, the carrier is slow
        told = w.clock.now();
        engine::carrier_answer out;
        out.answered = true;
        co_return out;
    };
    auto& node = w.add_node();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(w.in(1, call::phase::voicemail));
    WAIT_FOR(w.telnyx.count(call::verb::answer) == 1);
    for (const auto& c : w.telnyx.sent)
        if (c.what() == call::verb::answer) EXPECT_GE(c.issued_at, told);
}

} // namespace

TEST(callers, i_16_a_number_known_by_anybodys_call_rings_while_postgres_is_away) {
    run(from_memory);
}
TEST(callers, i_03_what_began_a_call_in_memory_is_done_with_it_and_no_repeat) {
    run(told_after);
}
TEST(callers, i_16_a_thousand_waiting_callers_are_settled_oldest_first_and_those_who_left_never_dialed) {
    run(a_thousand);
}
TEST(callers, i_09_who_has_waited_for_a_whole_ring_goes_to_voicemail) {
    run(too_long);
}
TEST(callers, i_03_a_buried_hang_up_is_taken_up_by_what_begins_its_call) {
    run(buried_hangup);
}
TEST(callers, i_02_a_hang_up_in_another_nodes_hand_is_decided_with_the_beginning) {
    run(taken_while_parked);
}
TEST(callers, i_21_a_talk_survives_a_restart_in_an_outage_of_more_than_a_minute) {
    run(restarted);
}
TEST(callers, i_16_a_closed_hour_is_not_remembered_for_the_whole_outage) {
    run(closed_in_memory);
}
TEST(callers, i_21_a_talk_survives_a_restart_though_the_office_has_closed_since) {
    run(restarted_closed);
}
TEST(callers, i_21_a_talk_survives_a_restart_though_its_caller_is_blocked) {
    run(restarted_blocked);
}
TEST(callers, i_21_a_talk_survives_a_restart_though_its_caller_is_to_be_told) {
    run(restarted_told);
}
TEST(callers, i_21_whoever_was_joined_by_another_node_in_its_memory_goes_on_talking) {
    run(joined_elsewhere);
}
TEST(callers, i_09_what_is_issued_after_a_slow_answer_of_the_carrier_has_its_whole_deadline) {
    run(asked_for_long);
}
TEST(callers, i_02_a_late_caller_whom_the_carrier_no_longer_has_is_not_dialed_for) {
    run(nobody_there);
}
TEST(callers, i_02_the_carrier_is_asked_again_while_it_does_not_say) {
    run(asked_again);
}
TEST(callers, i_09_a_late_caller_nobody_can_tell_about_goes_to_voicemail) {
    run(never_told);
}
TEST(callers, i_07_a_late_repeat_of_a_stored_call_begins_nothing) {
    run(begun_already);
}

TEST(route_memory, neither_hours_nor_a_blocked_caller_are_remembered) {
    engine::route_memory routes;
    for (const auto cause :
         {call::route_cause::closed, call::route_cause::holiday, call::route_cause::blocked}) {
        auto r = sample_incoming(1).routed;
        r.cause = cause;
        r.instead = "We are closed.";
        routes.remember("+1", "+2", r);
        const auto known = routes.find("+1", "+9", rt::clock::now() + 30min);
        ASSERT_TRUE(known);
        EXPECT_EQ(known->cause, call::route_cause::as_set);
        EXPECT_EQ(known->targets, r.targets);
        EXPECT_TRUE(known->instead.empty());
    }
}

TEST(route_memory, i_08_what_was_just_told_of_a_caller_holds_for_that_caller) {
    engine::route_memory routes;
    auto r = sample_incoming(1).routed;
    r.cause = call::route_cause::closed;
    r.instead = "We are closed.";
    routes.remember("+1", "+2", r);
    const auto same = routes.find("+1", "+2", rt::clock::now());
    ASSERT_TRUE(same);
    EXPECT_EQ(same->cause, call::route_cause::closed);
    EXPECT_EQ(same->instead, r.instead);
    const auto other = routes.find("+1", "+3", rt::clock::now());
    ASSERT_TRUE(other);
    EXPECT_EQ(other->cause, call::route_cause::as_set);
    r.cause = call::route_cause::as_set; // it has opened
    r.instead.clear();
    routes.remember("+1", "+2", r);
    EXPECT_EQ(routes.find("+1", "+2", rt::clock::now())->cause, call::route_cause::as_set);
}

TEST(route_memory, is_bounded_forgets_the_least_used_and_does_not_age_in_an_outage) {
    engine::recent_map<int, int> m(2);
    const auto now = rt::clock::now();
    m.put(1, 10, now);
    m.put(2, 20, now);
    ASSERT_NE(m.find(1, now), nullptr); // used: 2 is the older one now
    m.put(3, 30, now);
    EXPECT_EQ(m.size(), 2U);
    EXPECT_EQ(m.find(2, now), nullptr);
    EXPECT_EQ(*m.find(1, now), 10);
    EXPECT_EQ(m.find(1, now + 1ms), nullptr) << "learned too long before";

    engine::route_memory routes;
    auto r = sample_incoming(1).routed;
    routes.remember("+1", "+2", r);
    EXPECT_TRUE(routes.find("+1", "+9", now + 59min));
    EXPECT_FALSE(routes.find("+1", "+9", now + 61min));
    routes.remember("+1", "+2", call::route{}); // it is not ours any more
    EXPECT_FALSE(routes.find("+1", "+9", now));
}
