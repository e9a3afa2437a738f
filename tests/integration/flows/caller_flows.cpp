// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The caller hangs up at any moment: whatever was dialed must fall silent, and nothing may be dialed after.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class caller_flow : public flow {
  protected:
    rig& devices(int n, std::map<std::string, std::string> environment = {}) {
        rig_options o;
        o.devices = n;
        o.environment = std::move(environment);
        return set_up(std::move(o));
    }
    /// Every leg dies within the limit and the call stays over.
    static void expect_over(rig& r, const std::string& caller, millis limit = 2s) {
        EXPECT_TRUE(r.quiet(r.session(caller), 0, limit));
        EXPECT_TRUE(over_for_good(r, caller));
    }
};

class caller_flow_causes : public caller_flow, public ::testing::WithParamInterface<const char*> {};

void hang_up(rig& r, const std::string& caller, const std::string& cause = {}) {
    r.carrier().with([&](sim::carrier& c, time_point now) { c.caller_hangs_up(caller, now, cause); });
}

} // namespace

// One leg whose call.initiated never comes, one whose dial is answered a second after the hang-up.
TEST_P(caller_flow_causes, be_01_every_leg_dies_whatever_the_cause) {
    auto& r = devices(5);
    r.carrier().add_fault(lost("call.initiated", r.device(4)));
    r.carrier().add_fault(lost("call.initiated", r.device(5)));
    auto slow = fault_of("dial", r.device(5));
    slow.stall_reply = 1300ms;
    r.carrier().add_fault(slow);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 5));
    hang_up(r, caller, GetParam());
    ASSERT_TRUE(r.quiet(session, 1, 2s)); // all that the server can know of
    EXPECT_TRUE(device_leg(r, session, 5).alive()) << "the carrier has not told its id yet";
    expect_over(r, caller, 4s);
    const auto known = slowest_release(r, caller, {1, 2, 3, 4});
    RecordProperty("known_legs_released_ms", static_cast<int>(known.count()));
    EXPECT_LE(known, 2s);
    const auto told = commands(r, "dial", session);
    time_point reply = time_point::max();
    for (const auto& d : told)
        if (d.target == r.device(5) && d.replied_at) reply = std::min(reply, *d.replied_at);
    const auto unknown = *device_leg(r, session, 5).ended_at - reply;
    RecordProperty("unknown_leg_released_ms", static_cast<int>(unknown.count()));
    EXPECT_LE(unknown, 1s);
    EXPECT_EQ(r.accepted("bridge", session), 0U);
    EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
}
INSTANTIATE_TEST_SUITE_P(
    causes, caller_flow_causes,
    ::testing::Values("originator_cancel", "normal_clearing", "timeout", "unspecified"),
    [](const auto& given) { return std::string(given.param); }
);

TEST_F(caller_flow, be_02_hangup_before_any_dial_is_answered) {
    auto& r = devices(5);
    auto slow = fault_of("dial");
    slow.stall_reply = 900ms; // the phones ring, but the server has not one id
    r.carrier().add_fault(slow);
    r.carrier().add_fault(lost("call.initiated", "device"));
    const auto caller = r.call();
    ASSERT_TRUE(r.ringing(r.session(caller), 5));
    hang_up(r, caller);
    expect_over(r, caller, 3s);
    EXPECT_TRUE(ended_as(r, r.session(caller), "caller_cancelled"));
}

TEST_F(caller_flow, be_01_hangup_while_the_carrier_sits_on_the_dials) {
    auto& r = devices(5);
    auto slow = fault_of("dial");
    slow.stall_before = 800ms;
    r.carrier().add_fault(slow);
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "dial", session, 5));
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(over_for_good(r, caller, 1500ms)); // beyond the moment when the carrier acts
    EXPECT_EQ(r.accepted("dial", session), 0U);
    // Known to be over, no second request for the same dial is worth making (MOB-18).
    EXPECT_EQ(commands(r, "dial", session).size(), 5U);
}

TEST_F(caller_flow, be_16_lost_dial_reply_is_made_good_by_a_late_call_initiated) {
    auto& r = devices(2);
    auto never = fault_of("dial", r.device(2));
    never.lose_reply = true;
    r.carrier().add_fault(never);
    r.carrier().add_fault(late("call.initiated", r.device(2), 2s));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.ringing(session, 2));
    hang_up(r, caller);
    ASSERT_TRUE(r.quiet(session, 1, 2s));
    EXPECT_TRUE(device_leg(r, session, 2).alive());
    expect_over(r, caller, 4s);
    const auto dead = device_leg(r, session, 2);
    const auto seen = r.carrier().with([&](sim::carrier& c, time_point) {
        for (const auto* w : c.seen().webhooks_of("call.initiated", session))
            if (w->call_control_id == dead.call_control_id) return w->due;
        return time_point::min();
    });
    const auto took = *dead.ended_at - seen;
    RecordProperty("released_after_webhook_ms", static_cast<int>(took.count()));
    EXPECT_LE(took, 1s);
}

TEST_F(caller_flow, be_16_leg_that_turns_up_during_the_talk_is_released) {
    auto& r = devices(3);
    auto never = fault_of("dial", r.device(3));
    never.lose_reply = true;
    r.carrier().add_fault(never);
    r.carrier().add_fault(late("call.initiated", r.device(3), 1500ms));
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    EXPECT_TRUE(device_leg(r, session, 3).ringing());
    EXPECT_TRUE(r.quiet(session, 2, 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(1));
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(ended_as(r, session, "completed"));
}

// The hang-up is on its way before the server has seen the call at all, in both orders.
TEST_F(caller_flow, be_01_caller_who_leaves_at_once_rings_nobody_for_long) {
    auto& r = devices(2);
    for (const bool overtaken : {false, true}) {
        SCOPED_TRACE(overtaken ? "call.hangup comes first" : "call.initiated comes first");
        if (overtaken) r.carrier().add_fault(late("call.initiated", "caller", 300ms));
        const auto caller = r.carrier().with([&](sim::carrier& c, time_point now) {
            auto id = c.place_call("+13125550142", r.number(), now);
            c.caller_hangs_up(id, now);
            return id;
        });
        const auto session = r.session(caller);
        EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
        expect_over(r, caller);
        EXPECT_EQ(r.accepted("dial", session), 0U);
        if (overtaken) EXPECT_EQ(commands(r, "dial", session).size(), 0U);
    }
}

TEST_F(caller_flow, be_01_hangup_while_the_caller_is_being_answered) {
    auto& r = devices(3);
    auto slow = fault_of("answer");
    slow.stall_before = 700ms;
    r.carrier().add_fault(slow);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "answer", session));
    EXPECT_EQ(column(r, session, "phase"), "answering");
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(over_for_good(r, caller, 1s));
    EXPECT_EQ(r.accepted("bridge", session), 0U);
    EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
}

TEST_F(caller_flow, be_01_hangup_before_the_carrier_acts_on_the_bridge) {
    auto& r = devices(3);
    auto slow = fault_of("bridge");
    slow.stall_before = 700ms;
    r.carrier().add_fault(slow);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "bridge", session));
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(over_for_good(r, caller, 1s));
    EXPECT_EQ(bridges(r, session).size(), 0U);
    EXPECT_TRUE(ended_as(r, session, "caller_cancelled"));
}

// They talked, although the server learns of it only afterwards: the call counts as completed.
TEST_F(caller_flow, be_01_hangup_after_the_bridge_and_before_its_answer) {
    auto& r = devices(3);
    auto slow = fault_of("bridge");
    slow.stall_reply = 1s;
    r.carrier().add_fault(slow);
    r.carrier().add_fault(late("call.bridged", {}, 600ms));
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(ended_as(r, session, "completed"));
}

TEST_F(caller_flow, be_01_hangup_in_the_talk_and_in_voicemail) {
    auto& r = devices(2);
    r.phone(1, phone::answers(100ms));
    const auto talker = r.call();
    ASSERT_TRUE(r.joined(talker));
    ASSERT_TRUE(r.phase(r.session(talker), "active"));
    hang_up(r, talker);
    expect_over(r, talker);
    EXPECT_TRUE(ended_as(r, r.session(talker), "completed"));

    r.phone(1, phone::declines(50ms));
    r.phone(2, phone::declines(50ms));
    const auto caller = r.call();
    ASSERT_TRUE(r.commanded("speak", r.session(caller)));
    hang_up(r, caller);
    expect_over(r, caller);
    EXPECT_TRUE(ended_as(r, r.session(caller), "voicemail"));
}

// The other direction: the winner hangs up, the caller must not be left alone with the line.
TEST_F(caller_flow, be_01_device_hangup_releases_the_caller) {
    auto& r = devices(2);
    r.phone(1, phone::answers_then_hangs_up(100ms, 900ms));
    const auto caller = r.call();
    ASSERT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.quiet(r.session(caller), 0, 4s));
    EXPECT_TRUE(ended_as(r, r.session(caller), "completed"));
}
