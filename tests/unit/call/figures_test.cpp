// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What was measured and charged is told of its leg, whatever the call has come to, and changes nothing.
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;

namespace {

constexpr time_point k_now{millis{1'800'000'000'000}};

state ringing() {
    return begin(z360::testing::sample_incoming(2), k_now).next;
}
state then(state s, std::vector<event> all) {
    for (const auto& e : all)
        s = decide(s, e, k_now).next;
    return s;
}
state talking() {
    auto s = ringing();
    const leg_ref device{"v3:device", s.legs[0].id};
    return then(s, {leg_answered{device}, leg_bridged{device}, leg_bridged{{s.caller.call_control_id, {}}}});
}
std::vector<leg_report> reports(const decision& d) {
    std::vector<leg_report> out;
    for (const auto& e : d.effects)
        if (const auto* r = std::get_if<leg_report>(&e)) out.push_back(*r);
    return out;
}
media_figures good() {
    media_figures f;
    f.mos = "4.2";
    f.packets_in = f.packets_out = 500;
    return f;
}

} // namespace

TEST(figures, state_05_the_hangup_of_a_talk_tells_what_was_heard_of_each_leg) {
    const auto s = talking();
    const auto caller =
        reports(decide(s, leg_hangup{{s.caller.call_control_id, {}}, "normal_clearing", good()}, k_now));
    ASSERT_EQ(caller.size(), 1U);
    EXPECT_EQ(caller[0].leg, s.caller.id);
    EXPECT_EQ(caller[0].carrier_leg, s.caller.call_control_id);
    EXPECT_TRUE(caller[0].talked);
    EXPECT_EQ(std::get<media_figures>(caller[0].what), good());
    const auto device =
        reports(decide(s, leg_hangup{{"v3:device", s.legs[0].id}, "normal_clearing", good()}, k_now));
    ASSERT_EQ(device.size(), 1U);
    EXPECT_EQ(device[0].leg, s.legs[0].id);
    EXPECT_TRUE(device[0].talked);
}

TEST(figures, state_05_a_leg_that_never_talked_is_told_of_as_such_and_one_without_figures_not_at_all) {
    const auto s = talking();
    const leg_ref other{"v3:other", s.legs[1].id};
    EXPECT_TRUE(reports(decide(s, leg_hangup{other, "originator_cancel"}, k_now)).empty());
    const auto told = reports(decide(s, leg_hangup{other, "originator_cancel", good()}, k_now));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_FALSE(told[0].talked);
}

TEST(figures, a_cost_that_comes_after_the_end_is_told_and_changes_nothing) {
    auto s = talking();
    s = then(s, {leg_hangup{{s.caller.call_control_id, {}}, "normal_clearing"}});
    ASSERT_EQ(phase_of(s), phase::ended);
    charge c;
    c.total = "0.0106";
    c.currency = "USD";
    const auto d = decide(s, leg_charged{{"v3:device", s.legs[0].id}, c}, k_now);
    EXPECT_EQ(d.next, s);
    ASSERT_EQ(d.effects.size(), 1U);
    EXPECT_EQ(std::get<charge>(reports(d).at(0).what), c);
}

TEST(figures, a_leg_that_is_not_known_keeps_the_carriers_id_and_one_without_any_is_nothing) {
    const auto s = ringing();
    const auto stranger = reports(decide(s, leg_charged{{"v3:stranger", {}}, {}}, k_now));
    ASSERT_EQ(stranger.size(), 1U);
    EXPECT_FALSE(stranger[0].leg);
    EXPECT_EQ(stranger[0].carrier_leg, "v3:stranger");
    EXPECT_TRUE(reports(decide(s, leg_charged{{"", leg_id{uuid{1, 2}}}, {}}, k_now)).empty());
    // The second leg of one dial is no leg of ours.
    auto twin = then(s, {leg_initiated{{"v3:first", s.legs[0].id}}});
    const auto second = reports(decide(twin, leg_charged{{"v3:second", s.legs[0].id}, {}}, k_now));
    ASSERT_EQ(second.size(), 1U);
    EXPECT_FALSE(second[0].leg);
    EXPECT_EQ(second[0].carrier_leg, "v3:second");
}
