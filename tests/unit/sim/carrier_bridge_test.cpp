// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bridges: who talks to whom, and the fence against a second bridge.
#include "world.hpp"

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

TEST(bridge, joins_two_legs_and_tells_both) {
    world w;
    const auto r = w.two_answered();
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
    EXPECT_EQ(w.tel.leg(r.first)->bridged_with, r.caller);
    EXPECT_TRUE(w.tel.leg(r.caller)->answered_at) << "bridging a parked caller answers it";
    w.pass(19ms);
    EXPECT_TRUE(w.last(r.caller, "call.bridged").is_null());
    w.pass(1ms);
    EXPECT_EQ(w.last(r.caller, "call.bridged")["call_control_id"], r.caller);
    EXPECT_EQ(w.last(r.first, "call.bridged")["client_state"], "ZGV2aWNl");
    EXPECT_TRUE(w.last(r.second, "call.bridged").is_null());
    EXPECT_TRUE(w.tel.leg(r.second)->alive()) << "nobody hangs up losers for us";
    EXPECT_EQ(w.tel.seen().most_devices_per_caller(), 1U);
}

TEST(bridge, i1_the_fence_refuses_a_second_device) {
    world w;
    const auto r = w.two_answered();
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
    const auto second = w.join(r.second, r.caller);
    EXPECT_EQ(second.status, 422);
    EXPECT_EQ(code(second), w.tel.settings().unknown.fence_code);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
    EXPECT_EQ(w.tel.seen().most_devices_per_caller(), 1U);
    EXPECT_EQ(w.tel.seen().displaced_bridges(), 0U);
}

TEST(bridge, i1_the_fence_may_also_say_ok_and_do_nothing) {
    carrier_settings s;
    s.unknown.fence = unknowns::fence_answer::ok_without_effect;
    world w(s);
    const auto r = w.two_answered();
    w.join(r.first, r.caller);
    EXPECT_EQ(w.join(r.second, r.caller).status, 200);
    w.pass(1s);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.first);
    EXPECT_TRUE(w.last(r.second, "call.bridged").is_null());
}

TEST(bridge, i1_without_the_fence_the_second_device_takes_the_caller_and_the_truth_shows_it) {
    world w;
    const auto r = w.two_answered();
    w.join(r.first, r.caller);
    EXPECT_EQ(w.join(r.second, r.caller, false).status, 200);
    EXPECT_EQ(w.tel.leg(r.caller)->bridged_with, r.second);
    EXPECT_FALSE(w.tel.leg(r.first)->alive()) << "the first partner is left alone and ends";
    EXPECT_TRUE(w.tel.leg(r.caller)->alive());
    EXPECT_EQ(w.tel.seen().most_devices_per_caller(), 2U);
    EXPECT_EQ(w.tel.seen().displaced_bridges(), 1U);
    ASSERT_EQ(w.tel.seen().bridges.size(), 2U);
    EXPECT_EQ(w.tel.seen().bridges[0].ended, w.now);
    EXPECT_FALSE(w.tel.seen().bridges[1].ended);
}

TEST(bridge, i1_a_fence_that_is_not_atomic_misses_a_young_bridge) {
    carrier_settings s;
    s.unknown.fence_lag = 50ms;
    for (const auto& [gap, taken] : {std::pair{49ms, true}, std::pair{50ms, false}}) {
        world w(s);
        const auto r = w.two_answered();
        w.join(r.first, r.caller);
        w.pass(gap);
        EXPECT_EQ(w.join(r.second, r.caller).status, taken ? 200 : 422);
        EXPECT_EQ(w.tel.seen().displaced_bridges(), taken ? 1U : 0U);
    }
}

TEST(bridge, repeating_the_same_bridge_changes_nothing) {
    world w;
    const auto r = w.two_answered();
    w.join(r.first, r.caller);
    w.pass(100ms);
    const auto before = w.sent.size();
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
    w.pass(100ms);
    EXPECT_EQ(w.sent.size(), before);
    EXPECT_EQ(w.tel.seen().bridges.size(), 1U);
}

TEST(bridge, needs_two_living_answered_legs) {
    world w;
    const auto r = w.two_answered();
    w.tel.set_phone("three", phone::ignores());
    const auto ringing = w.ring_device("three", r.caller);
    w.pass(20ms);
    EXPECT_EQ(code(w.join(ringing, r.caller)), "90034");
    EXPECT_EQ(code(w.join(r.first, "v3:nobody")), "90015");
    EXPECT_EQ(code(w.join(r.first, r.first)), "10015");
    w.command(r.first, "hangup");
    EXPECT_EQ(code(w.join(r.first, r.caller)), "90018");
    EXPECT_EQ(code(w.join(r.second, r.first)), "90018");
    w.tel.caller_hangs_up(r.caller, w.now);
    EXPECT_EQ(code(w.join(r.second, r.caller)), "90018");
    EXPECT_TRUE(w.tel.seen().bridges.empty());
}

TEST(bridge, may_insist_on_an_answered_caller) {
    carrier_settings s;
    s.unknown.bridge_answers_caller = false;
    world w(s);
    const auto r = w.two_answered();
    EXPECT_EQ(code(w.join(r.first, r.caller)), "90034");
    EXPECT_EQ(w.command(r.caller, "answer").status, 200);
    EXPECT_EQ(code(w.join(r.first, r.caller)), "90034") << "not before call.answered";
    w.pass(10ms);
    EXPECT_EQ(w.events_of(r.caller).back(), "call.answered");
    EXPECT_EQ(w.join(r.first, r.caller).status, 200);
}

TEST(bridge, the_partner_leaves_with_whoever_leaves) {
    for (const bool caller_first : {true, false}) {
        world w;
        const auto r = w.two_answered();
        w.join(r.first, r.caller);
        w.pass(5s);
        if (caller_first)
            w.tel.caller_hangs_up(r.caller, w.now);
        else
            EXPECT_TRUE(w.tel.device_hangs_up(r.first, w.now));
        w.pass(0ms);
        EXPECT_FALSE(w.tel.leg(r.caller)->alive());
        EXPECT_FALSE(w.tel.leg(r.first)->alive());
        EXPECT_TRUE(w.tel.leg(r.second)->alive());
        EXPECT_EQ(w.last(r.caller, "call.hangup")["hangup_cause"], "normal_clearing");
        EXPECT_EQ(w.last(r.first, "call.hangup")["hangup_cause"], "normal_clearing");
        EXPECT_EQ(w.tel.seen().bridges.at(0).ended, w.now);
    }
}

TEST(bridge, a_parked_leg_survives_its_partner) {
    world w;
    w.tel.set_default_phone(phone::answers(10ms));
    const auto caller = w.ring_in();
    auto body = world::dial_body("one", caller);
    body["park_after_unbridge"] = "self";
    const auto id = w.dial(body).body["data"]["call_control_id"].get<std::string>();
    w.pass(100ms);
    w.join(id, caller);
    w.tel.caller_hangs_up(caller, w.now);
    EXPECT_TRUE(w.tel.leg(id)->alive());
    EXPECT_EQ(w.tel.leg(id)->bridged_with, "");
}

TEST(bridge, on_answer_is_done_by_the_carrier_and_its_fence_hangs_the_late_one_up) {
    for (const bool fence : {true, false}) {
        world w;
        w.tel.set_phone("one", phone::answers(100ms));
        w.tel.set_phone("two", phone::answers(101ms));
        const auto caller = w.ring_in();
        std::vector<std::string> ids;
        for (const char* user : {"one", "two"}) {
            auto body = world::dial_body(user, caller);
            body["bridge_on_answer"] = true;
            body["prevent_double_bridge"] = fence;
            ids.push_back(w.dial(body).body["data"]["call_control_id"].get<std::string>());
        }
        w.pass(1s);
        EXPECT_EQ(w.tel.leg(caller)->bridged_with, ids[fence ? 0 : 1]);
        EXPECT_EQ(w.tel.leg(ids[1])->alive(), !fence);
        EXPECT_EQ(w.tel.seen().most_devices_per_caller(), fence ? 1U : 2U);
    }
}

TEST(bridge, a_phone_that_drops_before_the_bridge_stays_once_bridged) {
    world w;
    w.tel.set_default_phone(phone::answers_then_drops(10ms, 100ms));
    const auto caller = w.ring_in();
    const auto quick = w.ring_device("one", caller);
    w.pass(50ms);
    EXPECT_EQ(w.join(quick, caller).status, 200);
    w.pass(10s);
    EXPECT_TRUE(w.tel.leg(quick)->alive());
}

TEST(bridge, hold_is_announced_for_bridged_legs_only) {
    world w;
    const auto r = w.two_answered();
    EXPECT_FALSE(w.tel.device_holds(r.first, true, w.now));
    w.join(r.first, r.caller);
    EXPECT_TRUE(w.tel.device_holds(r.first, true, w.now));
    EXPECT_TRUE(w.tel.device_holds(r.first, false, w.now));
    w.pass(20ms);
    EXPECT_FALSE(w.last(r.first, "call.hold").is_null());
    EXPECT_FALSE(w.last(r.first, "call.unhold").is_null());
}
