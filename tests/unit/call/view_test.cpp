// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a device, a person and an operator may see of a call.
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_now = time_point{millis{1'800'000'000'000}};

viewer device(std::int64_t n, user_id user = user_id{42}, org_id org = {}) {
    return {viewer::as::device, user, org, device_id{n}};
}
viewer person(user_id user = user_id{42}, org_id org = {}) {
    return {viewer::as::person, user, org, {}};
}
viewer overseer(org_id org = {}) {
    return {viewer::as::overseer, {}, org, {}};
}
leg_ref leg_to(const state& s, int n) {
    for (const auto& l : s.legs)
        if (l.device() == device_id{n}) return {control_id(n), l.id};
    return {};
}
leg_ref caller() {
    return {"v3:caller", std::nullopt};
}
state feed(state s, const std::vector<event>& events) {
    for (const auto& e : events)
        s = decide(s, e, k_now + millis{1'000}).next;
    return s;
}
state ringing() {
    const auto s = begin(sample_incoming(2), k_now).next;
    return feed(s, {leg_initiated{leg_to(s, 1)}, leg_initiated{leg_to(s, 2)}});
}
state talking() {
    const auto s = ringing();
    return feed(
        s,
        {leg_answered{leg_to(s, 1)}, leg_answered{caller()}, leg_bridged{leg_to(s, 1)}, leg_bridged{caller()}}
    );
}

} // namespace

TEST(call_view, i_05_a_call_of_somebody_else_is_not_there) {
    const auto s = ringing();
    EXPECT_FALSE(view_of(s, device(1, user_id{43})));
    EXPECT_FALSE(view_of(s, device(1, user_id{})));
    EXPECT_FALSE(view_of(s, person(user_id{43})));
    EXPECT_FALSE(view_of(s, person(user_id{})));
    EXPECT_FALSE(view_of(s, person(user_id{42}, org_id{8})));
    EXPECT_FALSE(view_of(s, device(1, user_id{42}, org_id{8})));
    EXPECT_FALSE(view_of(s, overseer(org_id{8})));
    EXPECT_TRUE(view_of(s, person(user_id{42}, org_id{7})));
    EXPECT_TRUE(view_of(s, overseer(org_id{7})));
    EXPECT_TRUE(view_of(s, overseer()));
}

TEST(call_view, i_05_a_device_sees_its_own_leg_and_no_other) {
    auto s = ringing();
    s = feed(s, {leg_hangup{leg_to(s, 2), "user_busy"}});
    const auto one = view_of(s, device(1));
    ASSERT_TRUE(one && one->mine);
    EXPECT_EQ(one->mine->device, device_id{1});
    EXPECT_TRUE(one->mine->rings);
    EXPECT_EQ(one->mine->step, leg_step::ringing);
    EXPECT_TRUE(one->legs.empty());
    EXPECT_FALSE(one->winner);
    EXPECT_EQ(one->allowed, (std::vector{request_kind::decline, request_kind::answered}));

    const auto stranger = view_of(s, device(9)); // of the same person, and not rung
    ASSERT_TRUE(stranger);
    EXPECT_FALSE(stranger->mine);
    EXPECT_EQ(stranger->allowed, std::vector{request_kind::ring}); // it may ask to be

    const auto all = view_of(s, person());
    ASSERT_TRUE(all);
    ASSERT_EQ(all->legs.size(), 2U);
    for (const auto& l : all->legs)
        EXPECT_EQ(l.hangup_cause, "");
    const auto by_operator = view_of(s, overseer());
    ASSERT_TRUE(by_operator);
    EXPECT_TRUE(std::any_of(by_operator->legs.begin(), by_operator->legs.end(), [](const auto& l) {
        return l.device == device_id{2} && l.hangup_cause == "user_busy";
    }));
}

TEST(call_view, and_08_of_two_devices_one_has_won_and_the_other_hears_answered_elsewhere) {
    const auto s = talking();
    const auto won = view_of(s, device(1));
    const auto lost = view_of(s, device(2));
    ASSERT_TRUE(won && won->mine && lost && lost->mine);
    EXPECT_EQ(won->at, phase::active);
    EXPECT_TRUE(won->mine->won);
    EXPECT_TRUE(won->mine->answered);
    EXPECT_FALSE(won->mine->rings);
    EXPECT_FALSE(won->answered_elsewhere);
    EXPECT_EQ(won->winner, device_id{1});
    EXPECT_TRUE(won->answered_at && won->bridged_at);
    EXPECT_FALSE(won->ended_at);
    EXPECT_TRUE(lost->answered_elsewhere);
    EXPECT_FALSE(lost->mine->won);
    EXPECT_FALSE(lost->mine->alive);
    EXPECT_TRUE(lost->allowed.empty());
    EXPECT_EQ(
        won->allowed, (std::vector{
                          request_kind::answered, request_kind::pause_recording,
                          request_kind::resume_recording, request_kind::give_up_media
                      })
    );
}

TEST(call_view, b_44_a_device_that_declined_has_a_leg_that_is_over) {
    const auto s =
        feed(ringing(), {device_asks{request_kind::decline, "r", device_id{1}, k_now + millis{5'000}, {}}});
    const auto v = view_of(s, device(1));
    ASSERT_TRUE(v && v->mine);
    EXPECT_TRUE(v->mine->declined);
    EXPECT_FALSE(v->mine->alive);
    EXPECT_FALSE(v->mine->rings);
    EXPECT_FALSE(v->answered_elsewhere);
    EXPECT_EQ(v->at, phase::ringing);
    EXPECT_TRUE(view_of(s, device(2))->mine->rings);
}

TEST(call_view, a_caller_who_left_is_missed_and_a_talk_is_not) {
    const auto left = feed(ringing(), {leg_hangup{caller(), "originator_cancel"}});
    const auto v = view_of(left, device(1));
    ASSERT_TRUE(v);
    EXPECT_TRUE(v->missed);
    EXPECT_EQ(v->reason, end_reason::caller_cancelled);
    EXPECT_TRUE(v->ended_at);
    EXPECT_TRUE(v->allowed.empty());
    const auto over = feed(talking(), {leg_hangup{caller(), "normal_clearing"}});
    EXPECT_FALSE(view_of(over, person())->missed);
}

TEST(call_view, b5_who_was_left_out_of_a_group_sees_the_call_from_their_turn_on) {
    auto first = sample_incoming(2);
    auto& r = first.routed;
    r.user = {};
    for (auto& t : r.targets)
        t.user = user_id{1'000 + t.device.value};
    r.targets[1].left_out = kept_out::busy;
    const auto turns = [](bool busy_one_first) {
        ring_plan plan;
        for (const std::int64_t who : {busy_one_first ? 1'002 : 1'001, busy_one_first ? 1'001 : 1'002}) {
            branch b;
            b.user = user_id{who};
            plan.push_back({millis{10'000}, {b}});
        }
        return plan;
    };
    for (const bool begun : {true, false}) {
        auto e = first;
        e.routed.plan = turns(begun);
        e.routed.rules.ring_time = length_of(e.routed.plan);
        heed_cause(e.routed);
        const auto s = begin(e, k_now).next;
        EXPECT_TRUE(view_of(s, person(user_id{1'001})));
        EXPECT_EQ(view_of(s, person(user_id{1'002})).has_value(), begun);
    }
}

TEST(call_view, a_leg_that_another_copy_has_rung_bears_the_name_of_its_device) {
    auto first = sample_incoming(2);
    const auto all = begin(first, k_now).next; // what the other copy has made of it
    first.routed.targets[1].left_out = kept_out::busy;
    heed_cause(first.routed);
    auto s = begin(first, k_now).next;
    s = feed(s, {leg_initiated{leg_to(all, 2)}});
    ASSERT_EQ(s.legs.size(), 2U);
    EXPECT_EQ(s.legs[1].device(), device_id{2});
    EXPECT_EQ(s.legs[1].ring, 0U);
    EXPECT_NE(s.legs[1].release, release_reason::none) << "it is let go";
    EXPECT_EQ(broken_invariant(s), nullptr);
}

TEST(call_view, i_10_the_end_of_a_leg_that_nobody_knew_counts_in_any_order) {
    auto first = sample_incoming(1);
    const leg_ref unknown{"v3:unknown", leg_id{derive_uuid("a leg of another copy")}};
    const std::vector<event> facts{leg_hangup{unknown, "normal_clearing"}, leg_answered{unknown}};
    const auto s = begin(first, k_now).next;
    const auto one = feed(s, facts);
    const auto other = feed(s, {facts[1], facts[0]});
    for (const auto& x : {one, other}) {
        ASSERT_EQ(x.legs.size(), 2U);
        EXPECT_TRUE(x.legs[1].ended && x.legs[1].answered);
        EXPECT_EQ(phase_of(x), phase::ringing) << "the others ring on";
        EXPECT_EQ(broken_invariant(x), nullptr);
    }
}
