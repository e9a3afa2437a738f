// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Several devices answer at nearly the same moment: one gets the caller and keeps him.
#include "integration/flows/flow.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class answer_flow : public flow {
  protected:
    rig& devices(int n) {
        rig_options o;
        o.devices = n;
        return set_up(std::move(o));
    }
};
class answer_flow_devices : public answer_flow, public ::testing::WithParamInterface<int> {};

// I1 and I11 for one call that is being talked on.
void expect_one_winner(rig& r, const std::string& caller) {
    const auto session = r.session(caller);
    EXPECT_TRUE(r.quiet(session, 2, 3s)) << "losers still ring";
    const auto joined = bridges(r, session);
    ASSERT_EQ(joined.size(), 1U);
    EXPECT_FALSE(joined[0].ended) << "the winner lost the call";
    time_point confirmed = time_point::max();
    for (const auto& b : commands(r, "bridge", session))
        if (b.acted_at) confirmed = std::min(confirmed, *b.acted_at);
    for (const auto& h : commands(r, "hangup", session)) {
        EXPECT_NE(h.call_control_id, joined[0].device) << "the winner was told to hang up";
        EXPECT_GE(h.at, confirmed) << "a loser was dismissed before there was a winner";
    }
    EXPECT_TRUE(r.phase(session, "active"));
    EXPECT_EQ(
        column(r, session, "(select call_control_id from call_legs l where l.leg_id = winner_leg_id)"),
        joined[0].device
    );
}

} // namespace

TEST_P(answer_flow_devices, be_07_answers_within_50_ms_make_one_bridge) {
    const int n = GetParam();
    const auto seed = test_seed();
    SCOPED_TRACE("Z360_TEST_SEED=" + std::to_string(seed));
    RecordProperty("seed", static_cast<int>(seed));
    std::mt19937 random(seed);
    auto& r = devices(n);
    for (int round = 0; round < 6; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        for (int i = 1; i <= n; ++i)
            r.phone(i, phone::answers(millis{std::uniform_int_distribution<int>(0, 50)(random)}));
        const auto caller = r.call();
        ASSERT_TRUE(r.joined(caller));
        expect_one_winner(r, caller);
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(r.session(caller)));
        EXPECT_TRUE(ended_as(r, r.session(caller), "completed"));
    }
    EXPECT_EQ(r.server().metric("double_bridges_total"), 0);
}
INSTANTIATE_TEST_SUITE_P(devices, answer_flow_devices, ::testing::Values(2, 5));

TEST_F(answer_flow, be_25_repeated_answer_of_the_winner_changes_nothing) {
    auto& r = devices(3);
    for (const bool new_id : {false, true}) {
        SCOPED_TRACE(new_id ? "ids of their own" : "the same id");
        sim::webhook_fault again;
        again.event_type = "call.answered";
        again.duplicates = 4;
        again.duplicate_after = 120ms; // before, during and after the bridge
        again.new_id = new_id;
        r.carrier().with([&](sim::carrier& c, time_point now) {
            c.clear_faults();
            c.add_fault(again, now);
        });
        r.phone(1, phone::answers(50ms));
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.joined(caller));
        ASSERT_TRUE(r.carrier().wait_until(
            [&](const sim::carrier& c) {
                const auto all = c.seen().webhooks_of("call.answered", session);
                return all.size() == 10 && std::all_of(all.begin(), all.end(), [](const auto* w) {
                           return w->state == sim::delivery_state::delivered;
                       });
            },
            5s
        )); // the winner's five and the caller's five
        expect_one_winner(r, caller);
        EXPECT_EQ(joined_to(r, caller), r.device(1));
        EXPECT_EQ(commands(r, "bridge", session).size(), 1U);
        EXPECT_EQ(
            r.sql(
                "select count(*) from call_events e join calls c using (call_id) where c.call_session_id = "
                "'" +
                session + "' and e.what = 'winner_claimed'"
            ),
            "1"
        );
        r.carrier().caller_hangs_up(caller);
        EXPECT_TRUE(r.quiet(session));
    }
}

// Nothing that happens while the bridge takes its time may start another or dismiss anybody.
TEST_F(answer_flow, be_30_answers_during_a_slow_bridge_wait_for_its_outcome) {
    auto& r = devices(4);
    auto slow = fault_of("bridge");
    slow.stall_before = 2s;
    r.carrier().add_fault(slow);
    r.phone(1, phone::answers(50ms));
    r.phone(2, phone::answers(500ms));
    r.phone(3, phone::answers(1200ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(asked(r, "bridge", session));
    ASSERT_TRUE(r.carrier().wait_until(
        [&](const sim::carrier& c) {
            const auto all = c.legs(session);
            return std::count_if(all.begin(), all.end(), [](const auto& l) {
                       return l.kind == sim::leg_kind::device && l.answered_at;
                   }) == 3;
        },
        3s
    ));
    EXPECT_EQ(r.accepted("hangup", session), 0U);
    ASSERT_TRUE(r.joined(caller, 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(1));
    expect_one_winner(r, caller);
    EXPECT_EQ(r.accepted("bridge", session), 1U);
}

TEST_F(answer_flow, be_30_bridge_whose_reply_and_events_are_late_is_not_taken_apart) {
    auto& r = devices(3);
    auto slow = fault_of("bridge");
    slow.stall_reply = 2s;
    r.carrier().add_fault(slow);
    r.carrier().add_fault(late("call.bridged", {}, 1800ms));
    r.phone(1, phone::answers(50ms));
    r.phone(2, phone::answers(900ms));
    const auto caller = r.call();
    const auto session = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    EXPECT_TRUE(r.phase(session, "active", 4s));
    EXPECT_EQ(joined_to(r, caller), r.device(1));
    expect_one_winner(r, caller);
    EXPECT_EQ(r.accepted("bridge", session), 1U); // repeats are the same command
}

// A device answers in the very moment in which it is let go.
TEST_F(answer_flow, and_08_answer_and_release_cross) {
    auto& r = devices(3);
    r.phone(1, phone::answers(80ms));
    auto caller = r.call();
    const auto first = r.session(caller);
    ASSERT_TRUE(r.joined(caller));
    // Still rings at the carrier as long as the hang-up is on its way: whoever can, answers now.
    r.carrier().with([&](sim::carrier& c, time_point now) {
        for (const auto& l : c.legs(first))
            if (l.ringing()) (void)c.device_answers(l.call_control_id, now);
    });
    expect_one_winner(r, caller);
    EXPECT_EQ(joined_to(r, caller), r.device(1));
    r.carrier().caller_hangs_up(caller);
    ASSERT_TRUE(r.quiet(first));

    r.phone(1, phone::ignores());
    caller = r.call();
    const auto second = r.session(caller);
    ASSERT_TRUE(r.ringing(second, 3));
    r.carrier().with([&](sim::carrier& c, time_point now) {
        for (const auto& l : c.legs(second))
            if (l.username == r.device(2)) (void)c.device_answers(l.call_control_id, now);
        c.caller_hangs_up(caller, now);
        for (const auto& l : c.legs(second))
            if (l.username == r.device(3)) (void)c.device_answers(l.call_control_id, now);
    });
    EXPECT_TRUE(r.quiet(second, 0, 3s));
    EXPECT_EQ(r.accepted("bridge", second), 0U);
    EXPECT_TRUE(ended_as(r, second, "caller_cancelled"));
}
