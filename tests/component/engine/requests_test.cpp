// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What devices ask of a call: durable first, judged once, never carried out late.
#include "support/engine_play.hpp"

#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>

using namespace z360;
using namespace z360::testing;
using namespace std::chrono_literals;
using how = engine::submission::how;

namespace {

struct world : engine_world {
    int questions = 0;
    std::vector<port::inbox_event> on_record; ///< what the carrier tells when it is asked

    engine::engine& add_node() {
        auto p = ports();
        p.ask = [this](std::string) -> awaitable<engine::carrier_answer> {
            ++questions;
            engine::carrier_answer a;
            a.answered = true;
            for (const auto& e : on_record)
                a.events.push_back({e, false});
            co_return a;
        };
        return start(std::move(p));
    }
    port::inbox_event incoming() { return event_of("call.initiated", "begins", "v3:caller", k_caller_waits); }
    port::inbox_event answered(int n) {
        return event_of(
            "call.answered", "answered-" + std::to_string(n),
            "v3:" + legs[static_cast<std::size_t>(n - 1)].text(),
            R"(,"client_state":"mark:)" + std::to_string(n) + R"(")"
        );
    }
    engine::request ask(call::request_kind what, std::int64_t leg, std::string id) {
        // Legs are dialed in an order of their own: devices are named by their leg.
        const auto device = state().legs.at(static_cast<std::size_t>(leg - 1)).device();
        return {std::move(id), what, device, call_id{*uuid::parse(k_session)}, k_session};
    }
    call::state& state() { return store.calls.at(call_id{*uuid::parse(k_session)}).state; }
};

awaitable<bool> rings(world& w) {
    auto& node = w.add_node();
    auto e = w.incoming();
    engine::genuine_webhook hook{e.route, e.received_at, std::move(e.body)};
    co_await node.accept(std::move(hook));
    const bool dialed = co_await until([&] {
        return w.in(call::phase::ringing) && w.state().legs.size() == 2 &&
               !w.state().legs[0].call_control_id.empty() && !w.state().legs[1].call_control_id.empty();
    });
    EXPECT_TRUE(dialed);
    co_return dialed;
}

awaitable<void> declines_twice(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto one = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 1, "key"));
    EXPECT_EQ(one.went, how::judged);
    EXPECT_EQ(one.verdict.why, call::refusal::none);
    EXPECT_TRUE(one.call && one.call->state.legs[0].declined);
    WAIT_FOR(w.telnyx.count(call::verb::hangup) == 1);
    const auto two = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 1, "key"));
    EXPECT_EQ(two.went, how::judged);
    EXPECT_EQ(two.verdict, one.verdict);
    EXPECT_EQ(w.state().verdicts.size(), 1U);
    EXPECT_TRUE(w.in(call::phase::ringing)); // the other device rings on
    EXPECT_TRUE(w.state().legs[1].alive());
    EXPECT_TRUE(w.spool.rows.empty());
    const auto other = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 2, "key"));
    EXPECT_EQ(other.went, how::other); // one key, two requests
    EXPECT_TRUE(w.state().legs[1].alive());
    const auto last = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 2, "last"));
    EXPECT_EQ(last.verdict.why, call::refusal::none);
    EXPECT_TRUE(w.in(call::phase::voicemail));
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 2U);
}

awaitable<void> on_another_node(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    auto& second = w.add_node();
    const auto one = co_await second.submit(w.ask(call::request_kind::decline, 1, "key"));
    EXPECT_EQ(one.verdict.why, call::refusal::none);
    // The first node's copy is older than that: it meets a conflict and decides on what is stored.
    const auto two = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 2, "other"));
    EXPECT_EQ(two.verdict.why, call::refusal::none);
    EXPECT_TRUE(two.call && two.call->state.legs[0].declined && two.call->state.legs[1].declined);
    const auto again = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 1, "key"));
    EXPECT_EQ(again.verdict, one.verdict);
    EXPECT_EQ(w.state().verdicts.size(), 2U);
}

awaitable<void> without_postgres(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    w.store.away = true;
    bool refused = false;
    try {
        (void)co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 1, "key"));
    } catch (const port::unavailable&) {
        refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_TRUE(w.spool.rows.empty());
    w.store.away = false;
    const auto later = co_await w.nodes[0]->submit(w.ask(call::request_kind::answered, 2, "other"));
    EXPECT_EQ(later.went, how::judged);
    EXPECT_TRUE(w.state().legs[0].alive()); // nothing of it has happened
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
}

// Postgres keeps the request, and takes longer to say so than the request lives.
awaitable<void> too_late(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto request = w.ask(call::request_kind::decline, 1, "key");
    w.inbox.slow = 600ms;
    const auto out = co_await w.nodes[0]->submit(request);
    EXPECT_EQ(out.went, how::judged);
    EXPECT_EQ(out.verdict.why, call::refusal::late);
    w.inbox.slow = 0ms;
    WAIT_FOR(call::verdict_of(w.state(), "key") != nullptr);
    EXPECT_EQ(call::verdict_of(w.state(), "key")->why, call::refusal::late);
    EXPECT_TRUE(w.state().legs[0].alive());
    EXPECT_EQ(w.telnyx.count(call::verb::hangup), 0U);
    const auto again = co_await w.nodes[0]->submit(request);
    EXPECT_EQ(again.went, how::judged);
    EXPECT_EQ(again.verdict.why, call::refusal::late);
}

awaitable<void> claims_an_answer(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto empty = co_await w.nodes[0]->submit(w.ask(call::request_kind::answered, 1, "one"));
    EXPECT_EQ(empty.verdict.why, call::refusal::none);
    WAIT_FOR(w.questions == 1);
    EXPECT_TRUE(w.in(call::phase::ringing)); // its word alone claims nothing
    EXPECT_EQ(w.telnyx.count(call::verb::bridge), 0U);
    w.on_record.push_back(w.answered(1));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1); // asked again, and now it is on record
    EXPECT_TRUE(is_winner(w.state(), w.legs[0]));
    const auto late = co_await w.nodes[0]->submit(w.ask(call::request_kind::decline, 1, "two"));
    EXPECT_EQ(late.verdict.why, call::refusal::in_the_talk);
}

engine::request wants_to_be_rung(std::int64_t device, std::string id) {
    return {
        std::move(id), call::request_kind::ring, device_id{device}, call_id{*uuid::parse(k_session)},
        k_session
    };
}

awaitable<void> joins_late(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto one = co_await w.nodes[0]->submit(wants_to_be_rung(3, "key"));
    EXPECT_EQ(one.verdict.why, call::refusal::none);
    EXPECT_TRUE(one.call && one.call->state.legs.size() == 3); // stored before it is dialed
    WAIT_FOR(w.telnyx.count(call::verb::dial) == 3);
    const auto dial = w.telnyx.sent.back();
    EXPECT_EQ(std::get<call::dial_body>(dial.body).sip_username, "gencred3");
    EXPECT_EQ(dial.id, w.state().legs[2].id.text());
    auto& second = w.add_node();
    const auto again = co_await second.submit(wants_to_be_rung(3, "key"));
    EXPECT_EQ(again.verdict, one.verdict);
    const auto other = co_await second.submit(wants_to_be_rung(3, "other"));
    EXPECT_EQ(other.verdict.why, call::refusal::rings_already);
    EXPECT_EQ(w.telnyx.count(call::verb::dial), 3U);
    w.legs.push_back(w.state().legs[2].id);
    auto answer = w.answered(3);
    engine::genuine_webhook hook{answer.route, answer.received_at, std::move(answer.body)};
    co_await w.nodes[0]->accept(std::move(hook));
    WAIT_FOR(w.telnyx.count(call::verb::bridge) == 1);
    EXPECT_TRUE(call::is_winner(w.state(), w.legs[2]));
    const auto late = co_await second.submit(wants_to_be_rung(4, "late"));
    EXPECT_EQ(late.verdict.why, call::refusal::not_ringing);
    EXPECT_EQ(w.telnyx.distinct(call::verb::dial), 3U);
}

awaitable<void> rings_nobody_else(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto stranger = co_await w.nodes[0]->submit(wants_to_be_rung(9, "one"));
    EXPECT_EQ(stranger.verdict.why, call::refusal::may_not_ring);
    w.directory.answer.user = user_id{99}; // the device is somebody else's
    const auto foreign = co_await w.nodes[0]->submit(wants_to_be_rung(3, "two"));
    EXPECT_EQ(foreign.verdict.why, call::refusal::may_not_ring);
    EXPECT_EQ(w.state().legs.size(), 2U);
    w.directory.away = true;
    bool refused = false;
    try {
        (void)co_await w.nodes[0]->submit(wants_to_be_rung(3, "three"));
    } catch (const port::unavailable&) {
        refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_FALSE(w.inbox.rows.contains("three"));
}

awaitable<void> of_no_call(world& w) {
    auto& node = w.add_node();
    const auto begun = w.clock.now();
    for (int k = 0; k < call::k_request_count; ++k) {
        engine::request r{
            "key-" + std::to_string(k), static_cast<call::request_kind>(k), device_id{1},
            call_id{*uuid::parse(k_session)}, k_session
        };
        for (int i = 0; i < 2; ++i) {
            const auto out = co_await node.submit(r);
            EXPECT_EQ(out.went, how::unknown) << call::name(r.what) << ' ' << i;
            EXPECT_FALSE(out.call);
        }
    }
    EXPECT_LT(w.clock.now() - begun, 3s); // and not after a request's whole time
    WAIT_FOR(w.inbox.left() == 0);
    for (const auto& [id, row] : w.inbox.rows)
        EXPECT_EQ(row.status, "ignored") << id;
    EXPECT_EQ(w.metrics.counts["dead_letters_total"], 0);
    EXPECT_TRUE(w.store.calls.empty());
}

// Of a program that is newer, while both run: left for a node of it as long as it counts.
awaitable<void> of_a_newer_kind(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto ends = w.clock.now() + 300ms;
    port::inbox_event e;
    e.event_id = "newer";
    e.event_type = "own.fly";
    e.route = port::webhook_route::own;
    e.call_session_id = k_session;
    e.received_at = w.clock.now();
    e.body = R"({"data":{"kind":"fly","request":"newer","call_id":")" + std::string(k_session) +
             R"(","device":1},"meta":{"until":)" + std::to_string(ends.time_since_epoch().count()) + "}}";
    std::vector<port::inbox_event> one{e};
    (void)co_await w.inbox.append(std::move(one), millis{0});
    WAIT_FOR(w.inbox.rows.at("newer").status == "ignored");
    EXPECT_GE(w.clock.now(), ends);
    EXPECT_EQ(w.inbox.rows.at("newer").event.attempts, 0U);
    EXPECT_EQ(w.metrics.counts["dead_letters_total"], 0);
    EXPECT_TRUE(w.in(call::phase::ringing));
}

// So much was asked of the call meanwhile that the verdict is kept no more.
awaitable<void> forgotten_verdict(world& w) {
    const bool ready = co_await rings(w);
    if (!ready) co_return;
    const auto request = w.ask(call::request_kind::decline, 1, "key");
    const auto one = co_await w.nodes[0]->submit(request);
    EXPECT_EQ(one.verdict.why, call::refusal::none);
    for (int i = 0; i < 70; ++i) {
        const auto other =
            co_await w.nodes[0]->submit(w.ask(call::request_kind::answered, 2, std::to_string(i)));
        EXPECT_EQ(other.went, how::judged);
    }
    EXPECT_EQ(call::verdict_of(w.state(), "key"), nullptr);
    const auto before = w.state();
    const auto again = co_await w.nodes[0]->submit(request);
    EXPECT_EQ(again.went, how::judged);
    EXPECT_EQ(again.verdict.why, call::refusal::none);
    EXPECT_TRUE(again.call && again.call->state.legs[0].declined);
    EXPECT_EQ(w.state().verdicts, before.verdicts); // nothing is carried out for it
}

} // namespace

TEST(requests, b_03_a_request_whose_verdict_gave_way_to_newer_ones_is_answered_as_of_now) {
    world w;
    w.settings.request_limit = 300ms;
    w.settings.request_grace = 50ms;
    run(forgotten_verdict, w);
}
TEST(requests, b_03_the_same_request_twice_is_one_effect_and_one_verdict) {
    run(declines_twice);
}
TEST(requests, be_07_whichever_node_is_asked_the_verdict_is_one) {
    run(on_another_node);
}
TEST(requests, i_03_without_postgres_a_request_is_refused_and_not_spooled) {
    run(without_postgres);
}
TEST(requests, b_44_what_is_undecided_at_its_deadline_is_never_carried_out) {
    world w;
    w.settings.request_limit = 300ms;
    w.settings.request_grace = 50ms;
    run(too_late, w);
}
TEST(requests, be_09_a_device_that_says_it_answered_is_looked_into_and_not_believed) {
    run(claims_an_answer);
}
TEST(requests, i_12_be_20_a_device_that_asks_has_its_leg_stored_then_dialed_and_may_win) {
    run(joins_late);
}
TEST(requests, i_12_i_05_only_the_persons_own_devices_are_let_in) {
    run(rings_nobody_else);
}
TEST(requests, b_44_a_request_of_a_call_that_is_gone_is_answered_at_once_and_leaves_nothing) {
    run(of_no_call);
}
TEST(requests, a_request_that_only_a_newer_program_knows_is_left_to_it_and_then_ignored) {
    run(of_a_newer_kind);
}
