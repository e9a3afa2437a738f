// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where a number leads besides people: to an agent, outside, or nowhere for a caller without a number.
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/route.hpp>

#include <gtest/gtest.h>

#include <variant>

using namespace z360;
using namespace z360::call;

namespace {

constexpr const char* k_agent = "sip:agent@agents.example";

route found() {
    auto r = z360::testing::sample_incoming(2).routed;
    r.mobile = "+15550107777";
    return r;
}

} // namespace

TEST(route, an_agent_alone_is_rung_for_no_longer_than_devices_and_at_most_20_s) {
    auto r = found();
    lead_to_agent(r, k_agent);
    ASSERT_EQ(r.plan.size(), 1U);
    EXPECT_EQ(r.plan[0].branches.at(0).agent, k_agent);
    EXPECT_TRUE(r.targets.empty());
    EXPECT_TRUE(r.mobile.empty());
    EXPECT_EQ(r.rules.ring_time, millis{20'000});
    auto shorter = found();
    shorter.rules.ring_time = millis{8'000};
    lead_to_agent(shorter, k_agent);
    EXPECT_EQ(length_of(shorter.plan), millis{8'000});
    EXPECT_EQ(outcome_of(r), route_outcome::ring);
}

TEST(route, a_number_outside_is_rung_unless_it_is_the_callers) {
    auto r = found();
    lead_to_number(r, "+15550108888", false);
    leave_out_caller(r, "+15550100001");
    EXPECT_EQ(r.plan.at(0).branches.at(0).number, "+15550108888");
    EXPECT_FALSE(r.plan[0].branches[0].asked);
    EXPECT_EQ(r.rules.ring_time, millis{30'000});
    auto own = found();
    own.targets.clear();
    own.mobile.clear();
    lead_to_number(own, "+15550100001", true);
    leave_out_caller(own, "+15550100001");
    EXPECT_EQ(outcome_of(own), route_outcome::voicemail);
}

TEST(route, out_of_hours_the_agent_takes_the_call_and_not_at_other_times) {
    for (const auto cause : {route_cause::closed, route_cause::holiday}) {
        auto r = found();
        r.when_closed = k_agent;
        r.instead = "We are closed.";
        r.cause = cause;
        heed_cause(r);
        EXPECT_EQ(r.plan.at(0).branches.at(0).agent, k_agent);
        EXPECT_EQ(r.rules.voicemail_greeting, "We are closed.");
        EXPECT_TRUE(r.targets.empty());
    }
    auto open = found();
    open.when_closed = k_agent;
    heed_cause(open);
    EXPECT_TRUE(open.plan.empty());
    EXPECT_EQ(open.targets.size(), 2U);
    EXPECT_TRUE(open.when_closed.empty());
}

TEST(route, who_is_turned_away_has_no_agent_either) {
    for (const auto cause : {route_cause::blocked, route_cause::anonymous}) {
        auto r = found();
        r.when_closed = k_agent;
        r.cause = cause;
        heed_cause(r);
        EXPECT_EQ(r.verdict, route_verdict::blocked_caller);
        EXPECT_EQ(outcome_of(r), route_outcome::rejected);
        EXPECT_FALSE(rings_anybody(r));
        EXPECT_TRUE(r.user.none()) << "nobody's call";
    }
}

TEST(route, be_27_the_dial_of_an_agent_has_nothing_of_the_caller_in_it) {
    auto first = z360::testing::sample_incoming(0);
    lead_to_agent(first.routed, k_agent);
    const auto d = begin(first, first.waiting_since.value_or(time_point{millis{1}}));
    int dials = 0;
    for (const auto& x : d.effects) {
        const auto c = command_of(x);
        if (!c) continue;
        const auto* dial = std::get_if<dial_body>(&c->body);
        if (dial == nullptr) continue;
        ++dials;
        EXPECT_EQ(dial->agent, k_agent);
        EXPECT_EQ(dial->from, first.routed.number_e164) << "ours";
        EXPECT_TRUE(dial->display_name.empty());
        EXPECT_TRUE(dial->number.empty());
        EXPECT_TRUE(dial->sip_username.empty());
    }
    EXPECT_EQ(dials, 1);
    EXPECT_EQ(d.next.legs.at(0).role, leg_role::agent) << "its minutes are an agent's";
}
