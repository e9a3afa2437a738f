// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Scripted misbehaviour.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

void hook_fault(world& w, const char* text) {
    w.tel.add_fault(webhook_fault::from_json(json::parse(text)), w.now);
}
void command_fault_of(world& w, const char* text) {
    w.tel.add_fault(command_fault::from_json(json::parse(text)), w.now);
}
std::vector<std::string> order_of(const world& w) {
    std::vector<std::string> out;
    for (const auto& hook : w.sent)
        out.push_back(hook.event_type);
    return out;
}

} // namespace

TEST(fault, a_webhook_can_be_lost_but_the_event_happened) {
    world w;
    hook_fault(w, R"({"event_type":"call.initiated","leg":"device","drop":true})");
    const auto caller = w.ring_in();
    const auto id = w.ring_device("one", caller);
    w.pass(1s);
    EXPECT_TRUE(w.events_of(id).empty());
    EXPECT_EQ(w.events_of(caller), strings{"call.initiated"});
    const auto all = w.tel.seen().webhooks_of("call.initiated");
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1]->state, delivery_state::dropped);
}

TEST(fault, a_webhook_can_be_late) {
    world w;
    hook_fault(w, R"({"event_type":"call.initiated","leg":"one","delay_ms":500})");
    const auto id = w.ring_device("one", w.ring_in());
    w.pass(509ms);
    EXPECT_TRUE(w.events_of(id).empty());
    w.pass(1ms);
    EXPECT_EQ(w.events_of(id), strings{"call.initiated"});
}

TEST(fault, a_webhook_can_come_twice_with_the_same_or_another_id) {
    for (const bool fresh : {false, true}) {
        world w;
        hook_fault(
            w, fresh ? R"({"duplicates":2,"duplicate_after_ms":10,"new_id":true})"
                     : R"({"duplicates":2,"duplicate_after_ms":10})"
        );
        w.ring_in();
        w.pass(20ms);
        ASSERT_EQ(w.sent.size(), 3U);
        EXPECT_EQ(w.sent[0].data["id"] == w.sent[1].data["id"], !fresh);
        EXPECT_EQ(w.sent[0].data["payload"], w.sent[1].data["payload"]);
    }
}

TEST(fault, a_webhook_can_overtake_the_one_before) {
    world w;
    hook_fault(w, R"({"event_type":"call.initiated","leg":"one","after_next":true})");
    w.tel.set_default_phone(phone::answers(50ms));
    w.ring_device("one", w.ring_in());
    w.pass(1s);
    EXPECT_EQ(order_of(w), (strings{"call.initiated", "call.answered", "call.initiated"}));
}

TEST(fault, a_held_webhook_without_successor_is_not_lost) {
    world w;
    hook_fault(w, R"({"after_next":true})");
    const auto id = w.tel.place_call(k_caller, k_number, w.now);
    w.pass(999ms);
    EXPECT_TRUE(w.sent.empty());
    w.pass(1ms);
    EXPECT_EQ(w.events_of(id), strings{"call.initiated"});
}

TEST(fault, only_the_nth_match_or_the_first_few_are_hit) {
    world w;
    hook_fault(w, R"({"event_type":"call.initiated","nth":2,"drop":true})");
    for (int i = 0; i < 3; ++i)
        w.ring_in();
    EXPECT_EQ(w.sent.size(), 2U);
    w.tel.clear_faults();
    hook_fault(w, R"({"event_type":"call.initiated","times":2,"drop":true})");
    for (int i = 0; i < 3; ++i)
        w.ring_in();
    EXPECT_EQ(w.sent.size(), 3U);
}

TEST(fault, be_10_dials_can_fail_for_a_while) {
    world w;
    command_fault_of(w, R"({"verb":"dial","status":500,"until_ms":1500})");
    const auto caller = w.ring_in();
    const auto first = w.dial(world::dial_body("one", caller));
    EXPECT_EQ(first.status, 500);
    EXPECT_EQ(code(first), "10007");
    EXPECT_EQ(w.tel.legs().size(), 1U);
    w.pass(1499ms);
    EXPECT_EQ(w.dial(world::dial_body("one", caller)).status, 500);
    w.pass(1ms);
    EXPECT_EQ(w.dial(world::dial_body("one", caller)).status, 200) << "a failed command_id is free again";
    EXPECT_EQ(w.tel.seen().commands_of("dial").at(0)->fault, "fail");
}

TEST(fault, one_phone_can_be_refused_for_good_while_others_ring) {
    world w;
    command_fault_of(w, R"({"verb":"dial","leg":"one","status":422,"code":"10015"})");
    const auto caller = w.ring_in();
    EXPECT_EQ(code(w.dial(world::dial_body("one", caller))), "10015");
    EXPECT_EQ(w.dial(world::dial_body("two", caller)).status, 200);
    EXPECT_TRUE(w.tel.seen().violations.empty()) << "a scripted refusal is not the server's mistake";
}

TEST(fault, be_30_a_command_can_be_stalled_before_it_acts) {
    world w;
    const auto r = w.two_answered();
    command_fault_of(w, R"({"verb":"bridge","stall_before_ms":15000})");
    const auto request = w.tel.submit(
        "POST", "/v2/calls/" + r.first + "/actions/bridge", "", json{{"call_control_id", r.caller}}, w.now
    );
    w.pass(14'999ms);
    EXPECT_FALSE(w.tel.take_reply(request, w.now));
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, "");
    w.pass(1ms);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
    EXPECT_EQ(w.tel.take_reply(request, w.now)->status, 200);
    EXPECT_FALSE(w.tel.take_reply(request, w.now)) << "an answer is taken once";
}

TEST(fault, be_20_the_answer_webhook_can_come_before_the_dial_reply) {
    world w;
    command_fault_of(w, R"({"verb":"dial","stall_reply_ms":500})");
    w.tel.set_default_phone(phone::answers(100ms));
    const auto caller = w.ring_in();
    const auto request = w.tel.submit("POST", "/v2/calls", "", world::dial_body("one", caller), w.now);
    w.pass(200ms);
    EXPECT_EQ(order_of(w), (strings{"call.initiated", "call.initiated", "call.answered"}));
    EXPECT_FALSE(w.tel.take_reply(request, w.now));
    w.pass(300ms);
    EXPECT_EQ(w.tel.take_reply(request, w.now)->status, 200);
}

TEST(fault, a_command_can_act_and_lose_its_reply) {
    world w;
    const auto caller = w.ring_in();
    command_fault_of(w, R"({"verb":"dial","nth":1,"lose_reply":true})");
    const auto body = world::dial_body("one", caller);
    const auto lost = w.dial(body);
    EXPECT_TRUE(lost.lost);
    EXPECT_EQ(w.tel.legs().size(), 2U);
    const auto again = w.dial(body);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body["data"]["call_control_id"], w.tel.legs()[1].call_control_id);
    EXPECT_EQ(w.tel.legs().size(), 2U);
    EXPECT_EQ(w.tel.seen().commands_of("dial").at(0)->status, 0);
}

TEST(fault, be_03_a_bridge_can_say_ok_and_do_nothing) {
    world w;
    const auto r = w.two_answered();
    command_fault_of(w, R"({"verb":"bridge","nth":1,"no_effect":true})");
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, "");
    EXPECT_TRUE(w.last(r.first, "call.bridged").is_null());
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
}

TEST(fault, be_37_only_one_side_of_a_bridge_may_hear_of_it) {
    for (const bool caller_hears : {true, false}) {
        world w;
        const auto r = w.two_answered();
        command_fault_of(
            w, caller_hears ? R"({"verb":"bridge","one_sided":"caller"})"
                            : R"({"verb":"bridge","one_sided":"device"})"
        );
        w.join(r.first, r.caller);
        w.pass(1s);
        EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
        EXPECT_EQ(w.last(r.caller, "call.bridged").is_null(), !caller_hears);
        EXPECT_EQ(w.last(r.first, "call.bridged").is_null(), caller_hears);
    }
}

TEST(fault, questions_can_fail_too_but_only_when_named) {
    world w;
    const auto caller = w.ring_in();
    command_fault_of(w, R"({"status":503})");
    EXPECT_EQ(w.tel.handle("GET", "/v2/calls/" + caller, json::object(), w.now).status, 200);
    command_fault_of(w, R"({"verb":"get_call","status":503})");
    EXPECT_EQ(w.tel.handle("GET", "/v2/calls/" + caller, json::object(), w.now).status, 503);
}

TEST(fault, be_09_a_blackout_fails_each_attempt_while_it_lasts) {
    world w;
    hook_fault(w, R"({"unreachable":true,"from_ms":1000,"until_ms":3000})");
    const auto caller = w.ring_in();
    const auto record = w.sent.at(0).record;
    EXPECT_EQ(w.tel.seen().webhooks.at(record).state, delivery_state::sending) << "it is sent as ever";
    EXPECT_FALSE(w.tel.delivery_fails(record, w.now));
    EXPECT_TRUE(w.tel.delivery_fails(record, w.now + 1s));
    EXPECT_TRUE(w.tel.delivery_fails(record, w.now + 2'999ms));
    EXPECT_FALSE(w.tel.delivery_fails(record, w.now + 3s));
    w.tel.clear_faults();
    hook_fault(w, R"({"unreachable":true,"event_type":"call.hangup","leg":"caller"})");
    EXPECT_FALSE(w.tel.delivery_fails(record, w.now)) << "another event";
    w.tel.caller_hangs_up(caller, w.now);
    w.pass(0s);
    EXPECT_TRUE(w.tel.delivery_fails(w.sent.at(1).record, w.now));
}

TEST(fault, be_09_a_dial_can_be_lost_with_everything_that_its_leg_tells) {
    world w;
    w.tel.set_default_phone(phone::answers(100ms));
    const auto caller = w.ring_in();
    command_fault_of(w, R"({"verb":"dial","leg":"one","lose_reply":true,"silent_leg":true})");
    w.dial(world::dial_body("one", caller));
    w.dial(world::dial_body("one", caller)); // the identical resend
    w.pass(1s);
    const auto legs = w.tel.legs(w.tel.session_of(caller));
    ASSERT_EQ(legs.size(), 2U);
    EXPECT_TRUE(legs[1].answered_at) << "the phone rings and is answered";
    EXPECT_TRUE(w.events_of(legs[1].call_control_id).empty());
    for (const auto* dial : w.tel.seen().commands_of("dial"))
        EXPECT_EQ(dial->status, 0) << "nobody is told";
    const auto events =
        w.tel.handle("GET", "/v2/call_events?filter[leg_id]=" + legs[1].call_leg_id, json::object(), w.now);
    EXPECT_EQ(events.body["data"].size(), 3U) << "dial, initiated, answered: only the records know";
    const auto other = w.ring_device("two", caller);
    w.pass(20ms);
    EXPECT_FALSE(w.events_of(other).empty()) << "other legs are as ever";
}
