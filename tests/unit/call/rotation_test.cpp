// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A device whose identity is being replaced is dialed under both names; it is one device all the same.
#include "support/scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <variant>

namespace z360::call {
namespace {

constexpr time_point k_began{std::chrono::hours{24 * 20'000}};

incoming both_names() {
    auto e = testing::sample_incoming(2);
    auto fresh = e.routed.targets[0];
    fresh.identity = identity_id{900};
    fresh.sip_username = "gencredFresh";
    e.routed.targets.push_back(fresh);
    return e;
}

std::vector<command> commands_of(const decision& d, verb v) {
    std::vector<command> out;
    for (const auto& e : d.effects)
        if (const auto c = command_of(e); c && c->what() == v) out.push_back(*c);
    return out;
}

const leg& leg_to(const state& s, std::int64_t identity) {
    return *std::find_if(s.legs.begin(), s.legs.end(), [&](const auto& l) {
        return l.identity().value == identity;
    });
}

decision say(const state& s, event e, int ms) {
    return decide(s, e, k_began + millis{ms});
}

TEST(call_rotation, cred_01_a_device_rings_on_the_old_and_the_new_name_each_once) {
    auto e = both_names();
    e.routed.targets.push_back(e.routed.targets.back()); // the directory repeats itself
    const auto d = begin(e, k_began);
    const auto dials = commands_of(d, verb::dial);
    ASSERT_EQ(dials.size(), 3u);
    std::set<std::string> ids;
    std::set<std::string> names;
    for (const auto& c : dials) {
        ids.insert(c.id);
        names.insert(std::get<dial_body>(c.body).sip_username);
    }
    EXPECT_EQ(ids.size(), 3u) << "each dial has a command id of its own";
    EXPECT_EQ(names, (std::set<std::string>{"gencred1", "gencred2", "gencredFresh"}));
    EXPECT_EQ(begin(e, k_began).next, d.next) << "the same call gives the same legs (I18)";
}

TEST(call_rotation, cred_01_the_name_that_answers_wins_and_the_other_name_stops) {
    auto s = begin(both_names(), k_began).next;
    const auto old_leg = leg_to(s, 101).id;
    const auto new_leg = leg_to(s, 900).id;
    int ms = 10;
    for (const auto& l : std::vector<leg>(s.legs)) {
        leg_initiated started;
        started.who.leg = l.id;
        started.who.call_control_id = "v3:" + l.goes_to()->sip_username;
        s = say(s, started, ms++).next;
    }
    // The device is registered under the new name only: the old one is not found.
    leg_hangup unknown;
    unknown.who.leg = old_leg;
    unknown.cause = "not_found";
    s = say(s, unknown, 100).next;
    EXPECT_EQ(phase_of(s), phase::ringing);
    leg_answered answer;
    answer.who.leg = new_leg;
    s = say(s, answer, 2'000).next;
    ASSERT_NE(winner(s), nullptr);
    EXPECT_EQ(winner(s)->id, new_leg);
}

TEST(call_rotation, cred_01_both_names_answering_at_once_still_make_one_winner) {
    auto s = begin(both_names(), k_began).next;
    const auto old_leg = leg_to(s, 101).id;
    const auto new_leg = leg_to(s, 900).id;
    leg_answered answer;
    answer.who = {"v3:new", new_leg};
    s = say(s, answer, 2'000).next;
    answer.who = {"v3:old", old_leg};
    s = say(s, answer, 2'001).next;
    ASSERT_NE(winner(s), nullptr);
    EXPECT_EQ(winner(s)->id, new_leg);
    EXPECT_EQ(broken_invariant(s), nullptr);
}

} // namespace
} // namespace z360::call
