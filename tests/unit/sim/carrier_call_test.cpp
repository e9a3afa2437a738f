// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Legs: how they begin, ring and end.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(carrier, an_inbound_call_is_announced_parked_and_waits) {
    world w;
    const auto caller = w.ring_in();
    ASSERT_EQ(w.events_of(caller), strings{"call.initiated"});
    const auto p = w.last(caller, "call.initiated");
    EXPECT_EQ(p["direction"], "incoming");
    EXPECT_EQ(p["state"], "parked");
    EXPECT_EQ(p["from"], k_caller);
    EXPECT_EQ(p["to"], k_number);
    EXPECT_TRUE(p["client_state"].is_null());
    EXPECT_EQ(p["connection_id"], w.tel.settings().app_connection_id);
    w.pass(10min);
    EXPECT_EQ(w.tel.alive_legs(), 1U);
}

TEST(carrier, the_same_seed_gives_the_same_history_and_another_seed_other_ids) {
    const auto play = [](std::string seed) {
        carrier_settings s;
        s.seed = std::move(seed);
        world w(s);
        w.tel.set_default_phone(phone::answers(50ms));
        const auto caller = w.ring_in();
        w.ring_device("one", caller);
        w.pass(100ms);
        w.tel.caller_hangs_up(caller, w.now);
        w.pass(1s);
        std::string all;
        for (const auto& hook : w.sent)
            all += hook.data.dump();
        return all;
    };
    EXPECT_EQ(play("a"), play("a"));
    EXPECT_NE(play("a"), play("b"));
}

TEST(carrier, a_dial_answers_at_once_and_rings_a_moment_later) {
    world w;
    const auto caller = w.ring_in();
    const auto r = w.dial(world::dial_body("one", caller));
    ASSERT_EQ(r.status, 200);
    EXPECT_EQ(r.body["data"]["is_alive"], false);
    EXPECT_EQ(r.body["data"]["call_session_id"], w.tel.session_of(caller));
    const auto id = r.body["data"]["call_control_id"].get<std::string>();
    EXPECT_FALSE(w.tel.leg(id)->ringing());
    w.pass(10ms);
    EXPECT_TRUE(w.tel.leg(id)->ringing());
    EXPECT_EQ(w.last(id, "call.initiated")["direction"], "outgoing");
    EXPECT_EQ(w.last(id, "call.initiated")["client_state"], "ZGV2aWNl");
}

TEST(carrier, without_link_to_a_dial_is_a_session_of_its_own) {
    world w;
    const auto caller = w.ring_in();
    const auto id = w.ring_device("one");
    EXPECT_NE(w.tel.session_of(id), w.tel.session_of(caller));
}

TEST(carrier, bridge_intent_shows_the_callers_number_on_the_device) {
    world w;
    const auto caller = w.ring_in();
    auto body = world::dial_body("one", caller);
    body["from"] = "+15550109999";
    const auto with = w.dial(body).body["data"]["call_control_id"].get<std::string>();
    EXPECT_EQ(w.tel.leg(with)->from, k_caller);
    body["bridge_intent"] = false;
    body["command_id"] = "other";
    const auto without = w.dial(body).body["data"]["call_control_id"].get<std::string>();
    EXPECT_EQ(w.tel.leg(without)->from, "+15550109999");
}

TEST(carrier, phones_follow_their_scripts) {
    struct row {
        const char* user;
        phone does;
        millis wait;
        const char* cause; ///< nullptr: alive
        const char* sip;
    };
    const std::vector<row> rows{
        {"answers", phone::answers(100ms), 31s, nullptr, nullptr},
        {"declines", phone::declines(100ms), 110ms, "user_busy", "486"},
        {"unreachable", phone::unreachable(), 60ms, "normal_clearing", "480"},
        {"ignores", phone::ignores(), 30s, "timeout", "487"},
        {"offline", phone::offline(), 30s, "timeout", "487"},
        {"leaves", phone::answers_then_hangs_up(100ms, 2s), 2110ms, "normal_clearing", "200"},
        {"drops", phone::answers_then_drops(100ms, 50ms), 160ms, "timeout", "408"},
    };
    for (const auto& r : rows) {
        world w;
        w.tel.set_phone(r.user, r.does);
        const auto caller = w.ring_in();
        const auto id = w.ring_device(r.user, caller);
        if (r.cause) {
            w.pass(r.wait - 1ms);
            EXPECT_TRUE(w.tel.leg(id)->alive()) << r.user;
            w.pass(1ms);
        } else {
            w.pass(r.wait);
        }
        EXPECT_EQ(w.tel.leg(id)->alive(), r.cause == nullptr) << r.user;
        if (!r.cause) continue;
        const auto p = w.last(id, "call.hangup");
        EXPECT_EQ(p["hangup_cause"], r.cause) << r.user;
        EXPECT_EQ(p["sip_hangup_cause"], r.sip) << r.user;
        EXPECT_EQ(p["client_state"], "ZGV2aWNl") << r.user;
        EXPECT_TRUE(w.tel.leg(caller)->alive()) << "legs are independent: " << r.user;
    }
}

TEST(carrier, a_sleeping_phone_makes_no_sound_until_it_wakes) {
    world w;
    auto p = phone::offline();
    p.wakes_after = 2s;
    p.act_after = 1s;
    w.tel.set_phone("one", p);
    const auto id = w.ring_device("one", w.ring_in());
    w.pass(2009ms);
    EXPECT_FALSE(w.tel.leg(id)->ringing());
    w.pass(1ms);
    EXPECT_TRUE(w.tel.leg(id)->ringing());
    w.pass(1s);
    EXPECT_TRUE(w.tel.leg(id)->answered_at);
}

TEST(carrier, ring_time_is_the_dials_timeout_and_its_cause_depends_on_retry_on_timeout) {
    for (const bool retry : {true, false}) {
        world w;
        auto body = world::dial_body("one", w.ring_in());
        body["timeout_secs"] = 5;
        body["retry_on_timeout"] = retry;
        const auto id = w.dial(body).body["data"]["call_control_id"].get<std::string>();
        w.pass(4999ms);
        EXPECT_TRUE(w.tel.leg(id)->alive());
        w.pass(1ms);
        EXPECT_EQ(w.tel.leg(id)->hangup_cause, retry ? "timeout" : "no_answer");
    }
}

TEST(carrier, be_01_device_legs_ring_on_when_the_caller_leaves) {
    for (const bool linked_end : {false, true}) {
        carrier_settings s;
        s.unknown.linked_legs_end_with_caller = linked_end;
        world w(s);
        const auto caller = w.ring_in();
        const auto id = w.ring_device("one", caller);
        w.pass(50ms);
        w.tel.caller_hangs_up(caller, w.now);
        w.pass(0ms);
        EXPECT_EQ(w.last(caller, "call.hangup")["hangup_cause"], "originator_cancel");
        EXPECT_TRUE(w.last(caller, "call.hangup")["client_state"].is_null());
        EXPECT_EQ(w.tel.leg(id)->alive(), !linked_end);
    }
}

TEST(carrier, hanging_up_the_same_leg_twice_says_90018) {
    world w;
    const auto id = w.ring_device("one", w.ring_in());
    w.pass(50ms);
    EXPECT_EQ(w.command(id, "hangup").status, 200);
    w.pass(0ms);
    EXPECT_EQ(w.last(id, "call.hangup")["hangup_cause"], "originator_cancel");
    const auto again = w.command(id, "hangup");
    EXPECT_EQ(again.status, 422);
    EXPECT_EQ(code(again), "90018");
    w.pass(1s);
    EXPECT_EQ(w.events_of(id), (strings{"call.initiated", "call.hangup"})) << "one hangup only";
}

TEST(carrier, a_leg_killed_before_its_invite_never_rings) {
    world w;
    const auto id = w.ring_device("one", w.ring_in());
    EXPECT_EQ(w.command(id, "hangup").status, 200);
    w.pass(1s);
    EXPECT_EQ(w.events_of(id), strings{"call.hangup"});
    EXPECT_FALSE(w.tel.leg(id)->ringing_since);
}

TEST(carrier, calls_end_at_their_time_limit) {
    world w;
    w.tel.set_default_phone(phone::answers(1s));
    const auto id = w.ring_device("one", w.ring_in());
    w.pass(std::chrono::seconds{14'399});
    EXPECT_TRUE(w.tel.leg(id)->alive());
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(id)->hangup_cause, "time_limit");
}

TEST(carrier, an_uncommanded_call_can_be_cut_by_the_safety_net) {
    carrier_settings s;
    s.first_command_limit = 30s;
    world w(s);
    const auto ignored = w.ring_in();
    const auto served = w.ring_in();
    EXPECT_EQ(w.command(served, "answer").status, 200);
    w.pass(30s);
    EXPECT_FALSE(w.tel.leg(ignored)->alive());
    EXPECT_TRUE(w.tel.leg(served)->alive());
}

TEST(carrier, a_device_call_is_parked_on_the_credential_connection) {
    world w;
    const auto headers = json::array({{{"name", "X-RTC-CALLID"}, {"value", "abc"}}});
    const auto id = w.tel.device_calls("gencred1", "+15550100009", headers, w.now);
    w.pass(0ms);
    ASSERT_EQ(w.sent.size(), 1U);
    EXPECT_EQ(w.sent[0].source, webhook_source::credential_connection);
    EXPECT_EQ(w.last(id, "call.initiated")["custom_headers"], headers);
    EXPECT_EQ(w.last(id, "call.initiated")["connection_id"], w.tel.settings().credential_connection_id);
}

TEST(carrier, people_can_act_without_a_script_but_only_on_a_ringing_phone) {
    world w;
    const auto caller = w.ring_in();
    const auto a = w.ring_device("one", caller);
    const auto b = w.ring_device("two", caller);
    EXPECT_FALSE(w.tel.device_answers(a, w.now));
    w.pass(10ms);
    EXPECT_TRUE(w.tel.device_answers(a, w.now));
    EXPECT_FALSE(w.tel.device_answers(a, w.now));
    EXPECT_TRUE(w.tel.device_declines(b, w.now));
    EXPECT_FALSE(w.tel.device_declines(b, w.now));
    EXPECT_TRUE(w.tel.device_lost(a, w.now));
    EXPECT_EQ(w.tel.leg(a)->hangup_cause, "timeout");
}

TEST(carrier, forgetting_keeps_what_is_alive) {
    world w;
    const auto old_call = w.ring_in();
    w.tel.caller_hangs_up(old_call, w.now);
    const auto live_call = w.ring_in();
    for (const auto& hook : w.sent)
        w.tel.record_outcome(hook.record, delivery_state::delivered);
    w.pass(1min);
    w.tel.forget_ended_before(w.now);
    EXPECT_FALSE(w.tel.leg(old_call));
    EXPECT_TRUE(w.tel.leg(live_call));
    EXPECT_EQ(w.tel.seen().sessions.size(), 1U);
    EXPECT_EQ(w.tel.seen().webhooks_of("call.initiated").size(), 1U);
}
