// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a phone that a push has woken may ask with the ticket that came with it.
#include "bed.hpp"
#include "support/joined.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/view.hpp>

using namespace z360;
using namespace z360::test;

class ring_tickets : public bed {
  protected:
    void SetUp() override {
        (void)device(k_ada, "phone-1");
        (void)device(k_ada, "phone-2", "android");
        one = row(k_ada, "phone-1").id;
        two = row(k_ada, "phone-2").id;
        auto& c = ring(k_ada, k_globex, {one, two});
        id = c.state.id.text();
        state().routed.verdict = call::route_verdict::ring;
        state().caller.call_control_id = "v3:caller";
    }
    call::state& state() { return calls.rows.front().state; }
    adapter::crypto::ring_ticket of_one() {
        adapter::crypto::ring_ticket t;
        t.call = state().id;
        t.ring = static_cast<std::uint32_t>(state().rings.size());
        t.device = one;
        t.user = k_ada;
        t.org = k_globex;
        t.until = clock.at + millis{30'000};
        return t;
    }
    with bearing(const adapter::crypto::ring_ticket& t) {
        return {{"Authorization", "Ticket " + std::string(tickets.sign(t).reveal())}};
    }
    answer status(const with& who, std::string of = {}) {
        return send("GET", "/api/voip/call-status/" + (of.empty() ? id : of), who);
    }
    answer reinvite(const with& who, std::string of = {}) {
        return send("POST", "/api/voip/calls/" + (of.empty() ? id : of) + "/reinvite", who);
    }
    answer acknowledge(const with& who, const char* what, json more = json::object()) {
        json body{{"call_uuid", id}, {"state", what}};
        body.update(more);
        return send("POST", "/api/voip/push-ack", who, body);
    }
    device_id one, two;
    std::string id;
};

TEST_F(ring_tickets, mob_05_a_phone_asks_whether_it_still_rings_with_the_ticket_alone) {
    const auto r = status(bearing(of_one()));
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["status"], "ringing");
    EXPECT_EQ(r.data()["device_state"], "ringing");
    state().reason = call::end_reason::caller_cancelled;
    state().ended_at = clock.at;
    state().caller.ended = true;
    EXPECT_EQ(status(bearing(of_one())).data()["status"], "ended") << "the truth, also when it is over";
}

TEST_F(ring_tickets, mob_05_a_ticket_is_of_one_call_one_ring_and_one_device) {
    auto t = of_one();
    t.call = call_id{uuid{1, 2}};
    EXPECT_EQ(status(bearing(t)).code(), "ticket_of_another_call");
    EXPECT_EQ(reinvite(bearing(t)).code(), "ticket_of_another_call");
    EXPECT_EQ(acknowledge(bearing(t), "received").code(), "ticket_of_another_call");
    EXPECT_EQ(status(bearing(of_one()), "no-such-call").code(), "ticket_of_another_call");
    t = of_one();
    t.ring += 1;
    EXPECT_EQ(reinvite(bearing(t)).code(), "ticket_of_another_ring");
    EXPECT_EQ(reinvite(bearing(t)).status, 403);
    EXPECT_EQ(status(bearing(t)).status, 200) << "asking is no ring";
    EXPECT_EQ(
        acknowledge(bearing(of_one()), "received", {{"device_id", "phone-2"}}).code(),
        "ticket_of_another_device"
    );
    EXPECT_EQ(acknowledge(bearing(of_one()), "received", {{"device_id", "phone-1"}}).status, 200);
    const auto own = device(k_ada, "phone-1");
    EXPECT_EQ(acknowledge(own, "received", {{"device_id", "phone-2"}}).code(), "wrong_device");
    t = of_one();
    t.org = k_acme; // the call is Globex's
    EXPECT_EQ(status(bearing(t)).status, 404);
    EXPECT_TRUE(asked.empty());
    EXPECT_GE(metrics.total("ring_tickets_refused_total"), 5);
}

TEST_F(ring_tickets, mob_05_a_ticket_opens_nothing_else_and_not_for_ever) {
    EXPECT_EQ(send("GET", "/api/voip/calls", bearing(of_one())).code(), "wrong_credential");
    EXPECT_EQ(send("GET", "/api/voip/bootstrap", bearing(of_one())).status, 403);
    EXPECT_EQ(send("POST", "/api/voip/calls/" + id + "/answered", bearing(of_one())).status, 403);
    auto t = of_one();
    t.until = clock.at;
    EXPECT_EQ(status(bearing(t)).status, 401);
    EXPECT_EQ(status(bearing(t)).code(), "ring_ticket_expired");
    EXPECT_EQ(status({{"Authorization", "Ticket zrt1_AAAA"}}).code(), "ring_ticket_unknown");
    EXPECT_EQ(status({{"Authorization", "Ticket "}}).status, 401);
}

TEST_F(ring_tickets, mob_05_a_phone_whose_leg_failed_while_it_slept_is_let_into_the_ring_once) {
    state().legs[0].ended = true;
    state().legs[0].hangup_cause = "not_found";
    door = [this](engine::request r) -> boost::asio::awaitable<engine::submission> {
        asked.push_back(r);
        engine::submission out;
        out.went = engine::submission::how::judged;
        call::device_asks what{r.what, r.id, r.device, clock.at + millis{5'000}, {}};
        what.at.push_back({r.device, identity_id{77}, "gencred77", "phone", "ios"});
        state() = call::decide(state(), what, clock.at).next;
        out.verdict = *call::verdict_of(state(), r.id);
        out.call = port::stored_call{state(), 9};
        co_return out;
    };
    restart();
    const auto r = reinvite(bearing(of_one()));
    ASSERT_EQ(r.status, 200) << r.text;
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].what, call::request_kind::ring);
    EXPECT_EQ(asked[0].device, one);
    clock.at += millis{10};
    EXPECT_EQ(reinvite(bearing(of_one())).status, 200) << "it rings there, which is what was asked for";
    EXPECT_EQ(state().legs.size(), 3U) << "one more leg, however often it asks";
}

TEST_F(ring_tickets, mob_05_each_refusal_of_a_reinvite_has_a_code_of_its_own) {
    state().legs[0].ended = true;
    EXPECT_EQ(reinvite(bearing(of_one())).code(), "device_may_not_ring") << "nowhere to ring it";
    clock.at += millis{1}; // without a key the moment is the request's name
    state().legs[0].late = state().epoch + 1;
    EXPECT_EQ(reinvite(bearing(of_one())).code(), "reinvited_before");
    clock.at += millis{1};
    state().legs[0].late = 0;
    state().rings.back().over = call::ring_end::nobody_answered;
    state().voicemail.step = call::voicemail_step::greeting;
    state().voicemail.limit = clock.at + millis{9'000};
    const auto r = reinvite(bearing(of_one()));
    EXPECT_EQ(r.status, 409) << r.text;
    EXPECT_EQ(r.code(), "not_ringing");
}

TEST_F(ring_tickets, mob_05_who_comes_too_late_is_told_who_has_the_call) {
    auto& s = state();
    auto& j = z360::testing::join_leg(s, 1);
    j.commanded = true;
    s.answers = s.legs[1].answer_order = 1;
    s.legs[1].answered = s.legs[1].bridged = s.caller.bridged = s.caller.answered = true;
    j.joined_at = s.answered_at = clock.at;
    s.legs[0].release = call::release_reason::answered_elsewhere;
    s.legs[0].hangup_sent = true;
    const auto r = reinvite(bearing(of_one()));
    EXPECT_EQ(r.status, 409) << r.text;
    EXPECT_EQ(r.code(), "answered_elsewhere");
    EXPECT_EQ(r.body["call"]["winner_device_id"], "phone-2");
}

TEST_F(ring_tickets, mob_07_an_acknowledged_push_reaches_the_call_and_is_answered_with_the_truth) {
    const auto r = acknowledge(bearing(of_one()), "received");
    ASSERT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["status"], "ringing");
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0].first.text(), id);
    EXPECT_EQ(received[0].second, one);
    EXPECT_EQ(receipts.at(0).ring, 1U);
    EXPECT_EQ(receipts.at(0).at, clock.at);
    EXPECT_FALSE(receipts.at(0).phone_at);
    EXPECT_TRUE(asked.empty()) << "its leg lives";
    EXPECT_EQ(acknowledge(bearing(of_one()), "exploded").status, 422);
    EXPECT_EQ(acknowledge({}, "received").status, 401);
    state().ended_at = clock.at;
    state().reason = call::end_reason::caller_cancelled;
    state().caller.ended = true;
    EXPECT_EQ(acknowledge(bearing(of_one()), "received").data()["status"], "ended");
    EXPECT_EQ(received.size(), 1U) << "nothing is repeated any more";
    EXPECT_EQ(acknowledge(bearing(of_one()), "dismissed", {{"ts", 1'800'000'000'123}}).status, 200);
    EXPECT_EQ(receipts.back().state, port::push_state::dismissed);
    EXPECT_EQ(receipts.back().phone_at, time_point{millis{1'800'000'000'123}});
    EXPECT_EQ(acknowledge(bearing(of_one()), "dismissed", {{"ts", "yesterday"}}).status, 422);
}

TEST_F(ring_tickets, mob_05_ready_is_an_invitation_when_the_leg_is_gone) {
    state().legs[0].ended = true;
    state().legs[0].hangup_cause = "not_found";
    (void)acknowledge(bearing(of_one()), "received");
    EXPECT_TRUE(asked.empty());
    (void)acknowledge(bearing(of_one()), "ready");
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].what, call::request_kind::ring);
}

TEST_F(ring_tickets, b_30_a_device_that_registers_while_a_call_rings_joins_it) {
    (void)device(k_ada, "phone-3");
    ASSERT_EQ(later.size(), 1U);
    EXPECT_EQ(later[0].what, call::request_kind::ring);
    EXPECT_EQ(later[0].device, row(k_ada, "phone-3").id);
    EXPECT_EQ(later[0].call.text(), id);
    (void)device(k_ada, "phone-1");
    EXPECT_EQ(later.size(), 1U) << "it rings there already";
    (void)device(k_mallory, "hers");
    EXPECT_EQ(later.size(), 1U) << "no call of hers";
}
