// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two callers in one session of the carrier: both are served, whatever comes in which order.
#include "callers_world.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

const std::string k_other = "v3:other-caller";

port::inbox_event other_initiated(callers_world& w) {
    return w.event(
        "call.initiated", 1, k_other,
        R"(,"direction":"incoming","state":"parked","from":"+13125550199","to":")" + w.directory.known +
            R"(")"
    );
}

port::inbox_event other_hangup(callers_world& w) {
    return w.event("call.hangup", 1, k_other, R"(,"hangup_cause":"originator_cancel")");
}

const call::state* call_of(const callers_world& w, const std::string& caller_control_id) {
    for (const auto& [id, c] : w.store.calls)
        if (c.state.caller.call_control_id == caller_control_id) return &c.state;
    return nullptr;
}

std::size_t dials_for(const callers_world& w, const std::string& caller_control_id) {
    return static_cast<std::size_t>(std::count_if(
        w.telnyx.sent.begin(), w.telnyx.sent.end(),
        [&](const auto& c) {
            const auto* dial = std::get_if<call::dial_body>(&c.body);
            return dial != nullptr && dial->link_to == caller_control_id;
        }
    ));
}

// The same news as an event of its own.
port::inbox_event under_another_id(const port::inbox_event& e) {
    auto out = e;
    out.event_id += "-again";
    out.body.replace(out.body.find(e.event_id), e.event_id.size(), out.event_id);
    return out;
}

awaitable<void> both(callers_world& w) {
    auto& node = w.add_node();
    auto first = w.initiated(1);
    auto second = other_initiated(w);
    auto repeat = under_another_id(second);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    co_await node.accept(w.raw(std::move(second)));
    WAIT_FOR(dials_for(w, k_other) == 2);
    co_await node.accept(w.raw(std::move(repeat)));
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.store.calls.size(), 2U);
    EXPECT_EQ(dials_for(w, k_other), 2U);
    EXPECT_EQ(text_of(call_of(w, k_other)->caller.to), "+13125550199");
    // Each hears of its own leg only.
    auto bye = other_hangup(w);
    co_await node.accept(w.raw(std::move(bye)));
    WAIT_FOR(phase_of(*call_of(w, k_other)) == call::phase::ended);
    EXPECT_TRUE(w.in(1, call::phase::ringing));
    auto last = w.hangup(1);
    co_await node.accept(w.raw(std::move(last)));
    WAIT_FOR(w.in(1, call::phase::ended));
}

call::route blocked(call::route r, bool told) {
    r.verdict = call::route_verdict::blocked_caller;
    r.cause = call::route_cause::blocked;
    r.targets.clear();
    r.user = {};
    r.rules.voicemail_greeting = told ? "Not you." : "";
    return r;
}
std::size_t sent_to(const callers_world& w, call::verb v, const std::string& control) {
    return static_cast<std::size_t>(std::count_if(
        w.telnyx.sent.begin(), w.telnyx.sent.end(),
        [&](const auto& c) { return c.what() == v && c.call_control_id == control; }
    ));
}
awaitable<void> second_is_blocked(callers_world& w) {
    auto& node = w.add_node();
    auto first = w.initiated(1);
    auto second = other_initiated(w);
    auto again = under_another_id(second);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    const auto open = w.directory.answer;
    w.directory.answer = blocked(open, false);
    co_await node.accept(w.raw(std::move(second)));
    co_await node.accept(w.raw(std::move(again)));
    WAIT_FOR(sent_to(w, call::verb::reject, k_other) == 1);
    WAIT_FOR(w.idle());
    EXPECT_TRUE(w.in(1, call::phase::ringing));
    EXPECT_EQ(w.telnyx.count(call::verb::reject), 1U);
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    auto bye = other_hangup(w);
    co_await node.accept(w.raw(std::move(bye)));
    WAIT_FOR(w.idle());
    EXPECT_TRUE(w.in(1, call::phase::ringing));
    auto last = w.hangup(1);
    co_await node.accept(w.raw(std::move(last)));
    WAIT_FOR(w.in(1, call::phase::ended));
}
awaitable<void> first_is_told_and_its_node_dies(callers_world& w) {
    const auto open = w.directory.answer;
    w.directory.answer = blocked(open, true);
    auto& a = w.add_node();
    auto first = w.initiated(1);
    co_await a.accept(w.raw(std::move(first)));
    WAIT_FOR(sent_to(w, call::verb::speak, w.caller(1)) == 1);
    w.directory.answer = open;
    auto second = other_initiated(w);
    co_await a.accept(w.raw(std::move(second)));
    WAIT_FOR(dials_for(w, k_other) == 2);
    WAIT_FOR(w.idle());
    co_await a.stop(1s);
    w.nodes.clear();
    auto& b = w.add_node();
    auto ended = w.event("call.speak.ended", 1, w.caller(1), R"(,"status":"completed")");
    auto twice = under_another_id(ended);
    co_await b.accept(w.raw(std::move(ended)));
    co_await b.accept(w.raw(std::move(twice)));
    WAIT_FOR(sent_to(w, call::verb::hangup, w.caller(1)) == 1);
    WAIT_FOR(w.idle());
    EXPECT_EQ(call_of(w, w.caller(1))->reason, call::end_reason::rejected);
    EXPECT_EQ(call_of(w, w.caller(1))->routed.verdict, call::route_verdict::blocked_caller);
    EXPECT_EQ(phase_of(*call_of(w, k_other)), call::phase::ringing);
    EXPECT_EQ(w.telnyx.count(call::verb::record_start), 0U);
    EXPECT_EQ(w.telnyx.count(call::verb::answer), 1U);
    EXPECT_EQ(w.telnyx.count(call::verb::speak), 1U);
    EXPECT_EQ(sent_to(w, call::verb::hangup, k_other), 0U);
}

awaitable<void> at_once(callers_world& w) {
    w.directory.takes = 30ms;
    auto& node = w.add_node();
    auto first = w.initiated(1);
    auto second = other_initiated(w);
    co_await node.accept(w.raw(std::move(first)));
    co_await node.accept(w.raw(std::move(second)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2 && dials_for(w, k_other) == 2);
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.store.calls.size(), 2U);
}

awaitable<void> at_two_nodes(callers_world& w) {
    w.directory.takes = 20ms;
    auto& a = w.add_node();
    auto& b = w.add_node();
    auto first = w.initiated(1);
    auto second = other_initiated(w);
    co_await a.accept(w.raw(std::move(first)));
    co_await b.accept(w.raw(std::move(second)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2 && dials_for(w, k_other) == 2);
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.store.calls.size(), 2U);
    // Their ends come by the other node each.
    auto bye = other_hangup(w);
    co_await a.accept(w.raw(std::move(bye)));
    WAIT_FOR(phase_of(*call_of(w, k_other)) == call::phase::ended);
    auto last = w.hangup(1);
    co_await b.accept(w.raw(std::move(last)));
    WAIT_FOR(phase_of(*call_of(w, w.caller(1))) == call::phase::ended);
}

// A failover between two questions: none of them fails, the new server knows nothing of the call.
awaitable<void> lost_between_questions(callers_world& w) {
    auto& node = w.add_node();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    WAIT_FOR(w.idle());
    w.store.calls.clear();
    ++w.connections_lost;
    WAIT_FOR(w.in(1, call::phase::ringing));
}

awaitable<void> by_another_node(callers_world& w) {
    auto& a = w.add_node();
    auto first = w.initiated(1);
    co_await a.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    auto& b = w.add_node();
    auto second = other_initiated(w);
    co_await b.accept(w.raw(std::move(second)));
    WAIT_FOR(dials_for(w, k_other) == 2);
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.store.calls.size(), 2U);
    EXPECT_TRUE(w.in(1, call::phase::ringing));
}

// The second caller has hung up before its call.initiated comes, while the first one rings.
awaitable<void> gone_before_it_came(callers_world& w) {
    auto& node = w.add_node();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    auto bye = other_hangup(w);
    const auto id = bye.event_id;
    co_await node.accept(w.raw(std::move(bye)));
    WAIT_FOR(w.inbox.rows.at(id).event.attempts >= 1);
    EXPECT_FALSE(w.store.processed.contains(id));
    auto second = other_initiated(w);
    co_await node.accept(w.raw(std::move(second)));
    WAIT_FOR(call_of(w, k_other) != nullptr && phase_of(*call_of(w, k_other)) == call::phase::ended);
    WAIT_FOR(w.idle());
    EXPECT_EQ(dials_for(w, k_other), 0U) << "nobody is dialed for who has left";
    EXPECT_TRUE(w.store.processed.contains(id));
    EXPECT_TRUE(w.in(1, call::phase::ringing));
}

// The same, and the first one has not begun either.
awaitable<void> gone_before_both(callers_world& w) {
    auto& node = w.add_node();
    auto bye = other_hangup(w);
    co_await node.accept(w.raw(std::move(bye)));
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    auto second = other_initiated(w);
    co_await node.accept(w.raw(std::move(second)));
    WAIT_FOR(call_of(w, k_other) != nullptr && phase_of(*call_of(w, k_other)) == call::phase::ended);
    WAIT_FOR(w.idle());
    EXPECT_EQ(dials_for(w, k_other), 0U);
    EXPECT_TRUE(w.in(1, call::phase::ringing));
}

// At a node that does not hold the first one.
awaitable<void> gone_at_another_node(callers_world& w) {
    auto& a = w.add_node();
    auto first = w.initiated(1);
    co_await a.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    auto& b = w.add_node();
    auto bye = other_hangup(w);
    co_await b.accept(w.raw(std::move(bye)));
    auto second = other_initiated(w);
    co_await b.accept(w.raw(std::move(second)));
    WAIT_FOR(call_of(w, k_other) != nullptr && phase_of(*call_of(w, k_other)) == call::phase::ended);
    EXPECT_EQ(dials_for(w, k_other), 0U);
    WAIT_FOR(w.idle());
}

// A leg that never becomes a caller's: its events end with the session's call, and are no dead letters.
awaitable<void> nobodys_leg(callers_world& w) {
    w.settings.unknown_session_wait = 1s;
    auto& node = w.add_node();
    auto first = w.initiated(1);
    co_await node.accept(w.raw(std::move(first)));
    WAIT_FOR(dials_for(w, w.caller(1)) == 2);
    auto bye = other_hangup(w);
    const auto id = bye.event_id;
    co_await node.accept(w.raw(std::move(bye)));
    WAIT_FOR(w.store.processed.contains(id));
    WAIT_FOR(w.idle());
    EXPECT_EQ(w.dead(), 0U);
    EXPECT_TRUE(w.in(1, call::phase::ringing));
}

} // namespace

TEST(sessions, i_02_a_second_caller_who_hung_up_before_its_call_initiated_came_is_not_dialed_for) {
    run(gone_before_it_came);
}
TEST(sessions, i_02_a_second_caller_who_hung_up_before_either_call_began_is_not_dialed_for) {
    run(gone_before_both);
}
TEST(sessions, i_02_a_second_callers_early_end_at_another_node_is_kept_for_it) {
    run(gone_at_another_node);
}
TEST(sessions, be_32_events_of_a_leg_that_nobody_begins_go_to_the_sessions_call_in_the_end) {
    run(nobodys_leg);
}
TEST(sessions, be_12_two_callers_of_one_session_are_both_served) {
    run(both);
}
TEST(sessions, be_12_two_callers_of_one_session_at_the_same_moment_are_both_served) {
    run(at_once);
}
TEST(sessions, be_12_two_callers_of_one_session_at_two_nodes_are_both_served) {
    run(at_two_nodes);
}
TEST(sessions, i_21_commits_lost_in_a_failover_that_no_question_noticed_are_written_again) {
    run(lost_between_questions);
}
TEST(sessions, be_12_a_second_caller_at_a_node_that_does_not_hold_the_first_is_served) {
    run(by_another_node);
}
TEST(sessions, b_43_a_blocked_second_caller_of_a_session_is_rejected_alone) {
    run(second_is_blocked);
}
TEST(sessions, b_43_a_blocked_first_caller_is_told_once_though_the_node_dies) {
    run(first_is_told_and_its_node_dies);
}
