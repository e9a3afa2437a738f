// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Two nodes on one database: every other webhook goes to the other node, and still one device gets the
// caller.
#include "integration/flows/aftermath.hpp"
#include "integration/flows/flow.hpp"

#include <array>
#include <csignal>
#include <random>
#include <tuple>

using namespace z360;
using namespace z360::testing;
using sim::phone;

namespace {

class two_node_flow : public flow {
  protected:
    rig& set_up_two(rig_options o = {}) {
        o.nodes = 2;
        return set_up(std::move(o));
    }
    static std::string end_reason(const rig& r, const std::string& session) {
        return r.sql("select end_reason from calls where call_session_id = '" + session + "'");
    }
    // `calls` at a time, each answered by several devices within 50 ms, through different nodes.
    static void contend(rig& r, int rounds, int calls) {
        std::mt19937 random(20'260);
        std::uniform_int_distribution<int> when(0, 50);
        for (int round = 0; round < rounds; ++round) {
            SCOPED_TRACE("round " + std::to_string(round));
            const int answering = round % 2 == 0 ? 2 : 5;
            for (int d = 1; d <= 5; ++d)
                r.phone(d, d <= answering ? phone::answers(100ms + millis{when(random)}) : phone::ignores());
            std::vector<std::string> callers;
            for (int i = 0; i < calls; ++i)
                callers.push_back(r.call());
            for (const auto& caller : callers) {
                ASSERT_TRUE(r.joined(caller, 10s));
                EXPECT_TRUE(r.quiet(r.session(caller), 2));
                EXPECT_EQ(r.accepted("dial", r.session(caller)), 5U);
            }
            for (const auto& caller : callers) {
                r.carrier().caller_hangs_up(caller);
                EXPECT_TRUE(r.quiet(r.session(caller)));
                EXPECT_EQ(aftermath(r, r.session(caller)), "");
                EXPECT_EQ(end_reason(r, r.session(caller)), "completed");
            }
        }
        EXPECT_EQ(
            r.server(0).metric("double_bridges_total") + r.server(1).metric("double_bridges_total"), 0.0
        );
        EXPECT_EQ(
            r.server(0).metric("invariants_broken_total") + r.server(1).metric("invariants_broken_total"), 0.0
        );
    }
};

rig_options five_devices() {
    rig_options o;
    o.devices = 5;
    o.delivery.alternate = true;
    return o;
}

enum class loss { stopped, killed };
enum class point { answer_sent, answer_lost, answered, bridge_lost };
using helped = std::tuple<loss, point>;

std::string name_of(const ::testing::TestParamInfo<helped>& what) {
    static const std::array<const char*, 2> k_losses{"stopped", "killed"};
    static const std::array<const char*, 4> k_points{"answer_sent", "answer_lost", "answered", "bridge_lost"};
    return std::string(k_losses.at(static_cast<std::size_t>(std::get<0>(what.param)))) + "_" +
           k_points.at(static_cast<std::size_t>(std::get<1>(what.param)));
}

class two_node_help : public two_node_flow, public ::testing::WithParamInterface<helped> {};

} // namespace

TEST_F(two_node_flow, be_07_answers_within_50_ms_through_two_nodes_join_exactly_one) {
    auto& r = set_up_two(five_devices());
    contend(r, 6, 3);
}

TEST_F(two_node_flow, be_30_one_node_without_redis_changes_nothing) {
    auto& r = set_up_two(five_devices());
    r.redis(1).cut();
    contend(r, 4, 3);
}

TEST_F(two_node_flow, i_01_a_carrier_whose_fence_is_slow_still_joins_one) {
    auto o = five_devices();
    o.carrier.unknown.fence_lag = 300ms;
    auto& r = set_up_two(std::move(o));
    r.redis(0).stall();
    contend(r, 2, 3);
}

TEST_F(two_node_flow, be_35_leg_facts_that_arrive_at_different_nodes_are_all_kept) {
    auto& r = set_up_two(five_devices());
    for (int d = 1; d <= 5; ++d)
        r.phone(d, phone::declines(100ms + millis{10 * d}));
    const auto caller = r.call();
    const auto session = r.session(caller);
    EXPECT_TRUE(r.quiet(session, 1));
    EXPECT_TRUE(r.phase(session, "voicemail"));
    EXPECT_TRUE(eventually([&] {
        return r.sql("select count(*) from call_legs where ended and hangup_cause is not null and "
                     "call_control_id is not null") == "5";
    }));
    r.carrier().caller_hangs_up(caller);
    EXPECT_EQ(aftermath(r, session), "");
}

TEST_F(two_node_flow, and_08_answer_and_cancel_crossing_at_two_nodes_end_right) {
    auto& r = set_up_two(five_devices());
    for (int i = 0; i < 6; ++i) {
        SCOPED_TRACE(i);
        const auto caller = r.call();
        const auto session = r.session(caller);
        ASSERT_TRUE(r.ringing(session, 5));
        r.carrier().with([&](sim::carrier& c, time_point now) {
            const auto legs = c.legs(session);
            (void)c.device_answers(legs.back().call_control_id, now);
            c.caller_hangs_up(caller, now);
        });
        EXPECT_TRUE(r.quiet(session));
        EXPECT_EQ(aftermath(r, session), "");
        EXPECT_EQ(end_reason(r, session), "caller_cancelled");
    }
}

// The node that claimed the winner is gone before the bridge; the other one helps that winner (P6).
TEST_P(two_node_help, i_09_a_claimed_winner_is_joined_by_the_other_node) {
    const auto [how, where] = GetParam();
    rig_options o;
    o.devices = 3;
    o.delivery.timeout = 300ms; // the carrier turns to the failover address soon
    o.delivery.primary_attempts = 1;
    o.delivery.failover_attempts = 3;
    auto& r = set_up_two(std::move(o)); // all webhooks go to node 0 as long as it answers
    sim::command_fault f;
    f.verb = where == point::bridge_lost ? "bridge" : "answer";
    f.match.times = 1;
    if (where == point::answer_sent)
        f.stall_before = 300ms; // acts when its sender is gone
    else if (where == point::answered)
        f.stall_reply =
            3s; // has acted, and nobody is told of it: the bridge that waits for it is in the rows
    else
        f.fail_status = 503; // did not act; its sender would have to try again
    r.carrier().add_fault(f);
    const auto caller = r.call();
    const auto session = r.session(caller);
    if (where == point::answered) {
        sim::webhook_fault untold;
        untold.event_type = "call.answered";
        untold.match.leg = caller;
        untold.drop = true;
        r.carrier().add_fault(untold);
    }
    ASSERT_TRUE(r.ringing(session, 3));
    ASSERT_TRUE(answer(r, session, 1));
    ASSERT_TRUE(attempted(r, f.verb, session));
    if (how == loss::killed)
        r.server(0).kill();
    else
        r.server(0).signal(SIGSTOP);
    EXPECT_TRUE(r.joined(caller, 5s));
    RecordProperty("answer_to_bridge_ms", std::to_string(answer_to_bridge(r, session).count()));
    EXPECT_TRUE(r.quiet(session, 2, 10s));
    EXPECT_EQ(leg_of(r, session, r.device(1)), r.carrier().with([&](sim::carrier& c, time_point) {
        return c.leg(caller)->bridged_with;
    }));
    if (how == loss::stopped) r.server(0).signal(SIGCONT); // wakes with an old idea of the call
    EXPECT_EQ(aftermath(r, session), "");
    EXPECT_TRUE(r.phase(session, "active"));
    r.carrier().caller_hangs_up(caller);
    EXPECT_TRUE(r.quiet(session, 0, 10s));
    EXPECT_EQ(aftermath(r, session), "");
    EXPECT_EQ(end_reason(r, session), "completed");
}
INSTANTIATE_TEST_SUITE_P(
    nodes, two_node_help,
    ::testing::Combine(
        ::testing::Values(loss::stopped, loss::killed),
        ::testing::Values(point::answer_sent, point::answer_lost, point::answered, point::bridge_lost)
    ),
    name_of
);
