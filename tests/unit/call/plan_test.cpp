// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/plan.hpp>
#include <z360/call/route.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using namespace z360::call;

namespace {

plan_member person(std::int64_t id, std::uint32_t wave = 1) {
    plan_member m;
    m.who.user = {id};
    m.wave = wave;
    return m;
}
plan_member number(const char* e164) {
    plan_member m;
    m.who.number = e164;
    return m;
}
plan_rules rules(strategy how, std::vector<plan_member> members) {
    plan_rules p;
    p.how = how;
    p.members = std::move(members);
    return p;
}
std::string shape(const ring_plan& p) {
    std::string out;
    for (const auto& w : p) {
        out += "[" + std::to_string(w.lasts.count() / 1000) + ":";
        for (const auto& b : w.branches)
            out += " " + (b.user.none() ? b.number : std::to_string(b.user.value)) +
                   (b.after != millis{0} ? "+" + std::to_string(b.after.count() / 1000) : "") +
                   (b.lasts != millis{0} ? "/" + std::to_string(b.lasts.count() / 1000) : "");
        out += "]";
    }
    return out;
}
std::string fault(const plan_rules& p) {
    const auto f = fault_of(p);
    return f ? f->field : "";
}

} // namespace

TEST(ring_plan, every_strategy_makes_its_waves) {
    const std::vector<plan_member> all{person(1), person(2, 2), person(3, 2), number("+1")};
    EXPECT_EQ(shape(waves_of(rules(strategy::all, all), {}, {})), "[30: 1 2 3 +1]");
    EXPECT_EQ(shape(waves_of(rules(strategy::waves, all), {}, {})), "[15: 1 +1][30: 2 3]");
    EXPECT_EQ(
        shape(waves_of(rules(strategy::sequence, all), {}, {})), "[15: 1/15][15: 2/15][15: 3/15][15: +1/15]"
    );
}

TEST(ring_plan, a_members_own_turn_goes_before_the_plans) {
    auto p = rules(strategy::sequence, {person(1), person(2)});
    p.members[1].who.lasts = millis{25'000};
    EXPECT_EQ(shape(waves_of(p, {}, {})), "[15: 1/15][25: 2/25]");
    EXPECT_EQ(length_of(waves_of(p, {}, {})), millis{40'000});
}

TEST(ring_plan, hunt_begins_behind_who_took_the_last_call_and_with_the_first_if_they_are_gone) {
    const auto p = rules(strategy::hunt, {person(1), person(2), person(3)});
    EXPECT_EQ(shape(waves_of(p, {2}, {})), "[15: 3/15][15: 1/15][15: 2/15]");
    EXPECT_EQ(shape(waves_of(p, {3}, {})), "[15: 1/15][15: 2/15][15: 3/15]");
    EXPECT_EQ(shape(waves_of(p, {9}, {})), "[15: 1/15][15: 2/15][15: 3/15]");
}

TEST(ring_plan, longest_idle_begins_with_who_never_talked_and_ends_with_numbers) {
    const auto p = rules(strategy::longest_idle, {number("+1"), person(1), person(2), person(3)});
    const std::vector<member_history> known{
        {{1}, time_point{millis{9'000}}}, {{2}, time_point{millis{5'000}}}, {{3}, std::nullopt}
    };
    EXPECT_EQ(shape(waves_of(p, {}, known)), "[15: 3/15][15: 2/15][15: 1/15][15: +1/15]");
}

TEST(ring_plan, one_that_names_nobody_twice_or_never_ends_is_refused_by_its_field) {
    EXPECT_EQ(fault(rules(strategy::all, {})), "members");
    EXPECT_EQ(fault(rules(strategy::all, {person(1), person(1)})), "members[1].user_id");
    EXPECT_EQ(fault(rules(strategy::all, {number("+1"), number("+1")})), "members[1].number");
    EXPECT_EQ(fault(rules(strategy::all, {plan_member{}})), "members[0].user_id");
    EXPECT_EQ(fault(rules(strategy::waves, {person(1, 0)})), "members[0].wave");
    auto late = rules(strategy::all, {person(1)});
    late.members[0].who.after = millis{26'000};
    EXPECT_EQ(fault(late), "members[0].delay_seconds");
    late.members[0].who.after = millis{25'000};
    EXPECT_EQ(fault(late), "");
    late.how = strategy::sequence;
    EXPECT_EQ(fault(late), "members[0].delay_seconds");
    auto first_of_two = rules(strategy::waves, {person(1), person(2, 2)});
    first_of_two.members[0].who.after = millis{40'000}; // of 45
    EXPECT_EQ(fault(first_of_two), "");
    first_of_two.members[1].who.after = millis{40'000};
    EXPECT_EQ(fault(first_of_two), "members[1].delay_seconds");
    auto long_one = rules(strategy::sequence, {});
    for (int i = 1; i <= 20; ++i)
        long_one.members.push_back(person(i));
    EXPECT_EQ(fault(long_one), "");
    long_one.members.push_back(person(21));
    EXPECT_EQ(fault(long_one), "members");
    auto many = rules(strategy::all, {});
    for (int i = 1; i <= 51; ++i)
        many.members.push_back(person(i));
    EXPECT_EQ(fault(many), "members");
}

TEST(ring_plan, a_route_rings_somebody_if_there_is_a_device_or_a_number) {
    route r;
    r.verdict = route_verdict::ring;
    r.plan = waves_of(rules(strategy::all, {person(1)}), {}, {});
    EXPECT_FALSE(rings_anybody(r)) << "they have no device";
    EXPECT_EQ(outcome_of(r), route_outcome::voicemail);
    r.plan = waves_of(rules(strategy::all, {person(1), number("+1")}), {}, {});
    EXPECT_EQ(outcome_of(r), route_outcome::ring);
    r.user = {4};
    EXPECT_EQ(people_of(r), (std::vector<user_id>{{4}, {1}}));
    r.cause = route_cause::closed;
    heed_cause(r);
    EXPECT_EQ(outcome_of(r), route_outcome::voicemail);
}
