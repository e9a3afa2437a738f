// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The bridge fails in every way a bridge can: nobody is left in silence, nobody is left ringing.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class bridge_flow : public flow {
  protected:
    /// A ring of five seconds, a winner given up after one.
    rig& devices(int n, bool hasty = true) {
        rig_options o;
        o.devices = n;
        o.carrier.speak_per_char = millis{5};
        if (hasty) {
            o.environment["Z360_CALLS_RING_TIME_MS"] = "5000";
            o.environment["Z360_CALLS_BRIDGE_LIMIT_MS"] = "1000";
            o.environment["Z360_CALLS_RESUME_MINIMUM_MS"] = "500";
        }
        return set_up(std::move(o));
    }
};

millis answer_to_bridge(rig& r, const std::string& session) {
    const auto b = bridges(r, session).at(0);
    return b.began - leg(r, b.device).answered_at.value();
}

// The winner is let go, the caller hears something, the ring ends in voicemail, everybody is released.
// `patience`: a bridge that was refused or accepted is judged after seconds; one that was never answered only
// once no request of ours can take effect any more (I21).
void expect_voicemail_after_failed_bridge(
    rig& r, const std::string& caller, int winner, millis patience = 4s
) {
    const auto session = r.session(caller);
    ASSERT_TRUE(r.carrier().wait_until(
        [&](const sim::carrier& c) {
            for (const auto& l : c.legs(session))
                if (l.username == r.device(winner) && l.answered_at) return !l.alive();
            return false;
        },
        patience
    )) << "the winner hangs in the air";
    ASSERT_TRUE(r.commanded("speak", session, 1, 2s)) << "the caller hears nothing";
    const auto heard = commands(r, "speak", session).at(0).at - leg(r, caller).answered_at.value();
    ::testing::Test::RecordProperty("silence_ms", static_cast<int>(heard.count()));
    EXPECT_LE(heard, patience);
    EXPECT_TRUE(r.phase(session, "voicemail", 7s));
    EXPECT_TRUE(r.quiet(session, 1, 2s));
    EXPECT_TRUE(r.commanded("record_start", session, 1, 3s));
    EXPECT_EQ(
        r.sql(
            "select count(*) from call_legs l join calls c using (call_id) where c.call_session_id = '" +
            session + "' and not l.ended and l.release_reason is null"
        ),
        "0"
    );
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "voicemail"));
}

} // namespace

TEST_F(bridge_flow, be_03_one_failure_costs_less_than_two_seconds) {
    auto& r = devices(3, false);
    for (const int status : {500, 503, 429}) {
        SCOPED_TRACE(status);
        auto once = fault_of("bridge", {}, 1);
        once.fail_status = status;
        r.carrier().add_fault(once);
        r.phone(1, phone::answers(100ms));
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.joined(caller, 4s));
        const auto took = answer_to_bridge(r, session);
        RecordProperty("bridged_after_" + std::to_string(status) + "_ms", static_cast<int>(took.count()));
        EXPECT_LE(took, 2s);
        EXPECT_TRUE(r.quiet(session, 2, 2s));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
    }
}

TEST_F(bridge_flow, be_03_bridge_that_always_fails_ends_in_voicemail) {
    auto& r = devices(3);
    auto broken = fault_of("bridge");
    broken.fail_status = 500;
    r.carrier().add_fault(broken);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "bridge", session));
    EXPECT_EQ(r.accepted("hangup", session), 0U) << "losers may still be needed (I11)";
    expect_voicemail_after_failed_bridge(r, caller, 1, 9s);
    EXPECT_EQ(bridges(r, session).size(), 0U);
}

TEST_F(bridge_flow, be_03_bridge_that_is_refused_for_good_ends_in_voicemail) {
    auto& r = devices(2);
    auto broken = fault_of("bridge");
    broken.fail_status = 422;
    broken.fail_code = "10015";
    r.carrier().add_fault(broken);
    r.phone(2, phone::answers(100ms));
    const auto caller = r.call();
    expect_voicemail_after_failed_bridge(r, caller, 2);
}

TEST_F(bridge_flow, be_37_bridge_accepted_without_effect_ends_in_voicemail) {
    auto& r = devices(2);
    auto empty = fault_of("bridge");
    empty.no_effect = true;
    r.carrier().add_fault(empty);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    expect_voicemail_after_failed_bridge(r, caller, 1);
}

// With the carrier's 2xx, one side's report is enough at the time limit: hanging up on people who talk would
// be worse than believing a lost event.
TEST_F(bridge_flow, be_37_one_sided_report_with_acceptance_keeps_the_talk) {
    auto& r = devices(2);
    for (const char* side : {"caller", "device"}) {
        SCOPED_TRACE(side);
        auto half = fault_of("bridge", {}, 1);
        half.one_sided = side;
        r.carrier().add_fault(half);
        r.phone(1, phone::answers(100ms));
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.joined(caller));
        EXPECT_TRUE(r.phase(session, "active", 4s));
        EXPECT_EQ(joined_to(r, caller), r.device(1));
        EXPECT_EQ(bridges(r, session).size(), 1U);
        EXPECT_TRUE(r.quiet(session, 2, 2s));
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
        EXPECT_TRUE(ended_as(r, session, "completed"));
    }
}

// Whoever may be talking is not cut off for want of a report: the carrier is asked, and the talk goes on.
TEST_F(bridge_flow, i_21_one_sided_report_without_acceptance_is_asked_after_and_goes_on) {
    auto& r = devices(2);
    auto half = fault_of("bridge");
    half.one_sided = "caller";
    half.lose_reply = true;
    r.carrier().add_fault(half);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    ASSERT_TRUE(r.joined(caller));
    const auto session = r.session(caller);
    EXPECT_TRUE(r.phase(session, "active", 12s));
    EXPECT_EQ(joined_to(r, caller), r.device(1));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "completed"));
}

// A reply is lost, but both sides report: that is a bridge.
TEST_F(bridge_flow, be_37_lost_acceptance_with_both_reports_is_a_talk) {
    auto& r = devices(3);
    auto silent = fault_of("bridge");
    silent.lose_reply = true;
    r.carrier().add_fault(silent);
    r.phone(1, phone::answers(100ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    EXPECT_TRUE(r.phase(session, "active"));
    EXPECT_TRUE(r.quiet(session, 2, 2s));
    EXPECT_TRUE(stays(r, 1500ms, [&](const sim::carrier& c) { return c.alive_legs(session) == 2; }));
    EXPECT_EQ(joined_to(r, caller), r.device(1));
}

TEST_F(bridge_flow, be_03_next_answerer_gets_the_caller_when_the_winner_drops) {
    auto& r = devices(3, false);
    auto slow = fault_of("bridge", r.device(1));
    slow.stall_before = 600ms;
    r.carrier().add_fault(slow);
    r.phone(1, phone::answers_then_drops(100ms, 300ms));
    r.phone(2, phone::answers(250ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller, 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(2));
    EXPECT_TRUE(r.quiet(session, 2, 2s));
    EXPECT_TRUE(r.phase(session, "active"));
    EXPECT_EQ(bridges(r, session).size(), 1U);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
    EXPECT_TRUE(ended_as(r, session, "completed"));
}

// 90018 alone, the drop's call.hangup lost: the refusal is proof enough.
TEST_F(bridge_flow, be_03_bridge_refused_because_the_leg_ended_moves_on_at_once) {
    auto& r = devices(2, false);
    auto slow = fault_of("bridge", r.device(1));
    slow.stall_before = 400ms;
    r.carrier().add_fault(slow);
    r.carrier().add_fault(lost("call.hangup", r.device(1)));
    r.phone(1, phone::answers_then_drops(100ms, 200ms));
    r.phone(2, phone::answers(200ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller, 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(2));
    const auto refused = commands(r, "bridge", session).at(0);
    EXPECT_EQ(refused.code, "90018");
    RecordProperty(
        "moved_on_ms", static_cast<int>((bridges(r, session).at(0).began - *refused.replied_at).count())
    );
    EXPECT_LE(bridges(r, session).at(0).began - *refused.replied_at, 1500ms);
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}

// Nobody else has answered yet: the others go on ringing, the caller hears a prompt, then a late answer wins.
TEST_F(bridge_flow, be_03_ring_goes_on_after_the_winner_drops) {
    auto& r = devices(2, false);
    auto slow = fault_of("bridge", r.device(1));
    slow.stall_before = 500ms;
    r.carrier().add_fault(slow);
    r.phone(1, phone::answers_then_drops(100ms, 200ms));
    r.phone(2, phone::answers(1800ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.commanded("speak", session, 1, 3s));
    EXPECT_TRUE(device_leg(r, session, 2).ringing());
    ASSERT_TRUE(r.joined(caller, 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(2));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session));
}
