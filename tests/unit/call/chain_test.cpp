// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An effect that waits for another one: the bridge for the caller's answer. Who issues it, who releases it,
// and whether it is wanted when its turn comes.
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_now{millis{1'800'000'000'000}};
const leg_ref k_caller{"v3:caller", std::nullopt};
constexpr millis k_limit{3'000}; // of answer and bridge, unless told otherwise

class call_chains : public ::testing::Test {
  protected:
    void SetUp() override {
        s = begin(sample_incoming(2), at).next;
        for (int n = 1; n <= 2; ++n)
            feed(leg_initiated{device(n)});
    }
    [[nodiscard]] leg_ref device(int n) const {
        for (const auto& l : s.legs)
            if (l.device() == device_id{n}) return {control_id(n), l.id};
        return {};
    }
    void feed(const event& e, millis later = millis{10}) {
        at += later;
        auto d = decide(s, e, at);
        s = std::move(d.next);
        issued.clear();
        for (auto& o : d.effects)
            if (auto* what = std::get_if<effect>(&o)) issued.push_back(std::move(*what));
        ASSERT_EQ(broken_invariant(s), nullptr) << name(e);
    }
    /// Of the last step.
    [[nodiscard]] const effect* issue(verb v) const {
        for (const auto& e : issued)
            if (kind_of(e) == name(v)) return &e;
        return nullptr;
    }
    [[nodiscard]] bool wants_after(const effect& e, const effect& first, outcome how) const {
        return wanted_after(s, e, ended_as(first, how), at);
    }

    state s;
    time_point at = k_now;
    std::vector<effect> issued;
};

} // namespace

TEST_F(call_chains, i_09_the_claim_issues_the_answer_and_the_bridge_that_waits_for_it) {
    feed(leg_answered{device(1)});
    const auto* answer = issue(verb::answer);
    const auto* bridge = issue(verb::bridge);
    ASSERT_TRUE(answer != nullptr && bridge != nullptr);
    EXPECT_FALSE(answer->after);
    ASSERT_TRUE(bridge->after);
    EXPECT_EQ(bridge->after->id, answer->id);
    EXPECT_EQ(bridge->after->allowed, k_limit);
    EXPECT_EQ(bridge->deadline, at + k_limit);
    EXPECT_EQ(command_of(*bridge)->call_control_id, control_id(1));
    EXPECT_EQ(phase_of(s), phase::answering) << "who is answered for is not joined yet";
    EXPECT_FALSE(current_join(s)->commanded);
    EXPECT_FALSE(current_join(s)->quiet_from);
}

TEST_F(call_chains, mob_18_it_is_wanted_with_the_success_of_what_it_waits_for_and_not_before) {
    feed(leg_answered{device(1)});
    const auto answer = *issue(verb::answer);
    const auto bridge = *issue(verb::bridge);
    EXPECT_FALSE(wanted(s, bridge));
    EXPECT_TRUE(wants_after(bridge, answer, outcome::done));
    for (const auto failed : {outcome::refused, outcome::expired, outcome::superseded, outcome::peer_gone})
        EXPECT_FALSE(wants_after(bridge, answer, failed)) << name(failed);
    feed(leg_answered{k_caller}); // told by webhook first
    EXPECT_TRUE(wanted(s, bridge));
    EXPECT_TRUE(wants_after(bridge, answer, outcome::done));
    feed(leg_hangup{device(1), "normal_clearing"});
    EXPECT_FALSE(wants_after(bridge, answer, outcome::done)) << "its device has left";
    feed(leg_answered{device(2)});
    EXPECT_FALSE(wants_after(bridge, answer, outcome::done)) << "another one has the caller";
    feed(leg_hangup{k_caller, "normal_clearing"});
    EXPECT_FALSE(wants_after(bridge, answer, outcome::done));
}

TEST_F(call_chains, asking_whether_it_is_wanted_changes_nothing) {
    feed(leg_answered{device(1)});
    const auto before = s;
    (void)wants_after(*issue(verb::bridge), *issue(verb::answer), outcome::done);
    EXPECT_EQ(s, before);
}

TEST_F(call_chains, i_09_an_answered_caller_releases_the_same_bridge) {
    feed(leg_answered{device(1)});
    const auto waiting = *issue(verb::bridge);
    feed(event_of(ended_as(*issue(verb::answer), outcome::done)));
    const auto* released = issue(verb::bridge);
    ASSERT_NE(released, nullptr);
    EXPECT_EQ(released->id, waiting.id);
    EXPECT_FALSE(released->after);
    EXPECT_EQ(released->deadline, at + k_limit);
    EXPECT_EQ(phase_of(s), phase::bridging);
    EXPECT_TRUE(wanted(s, *released));
}

TEST_F(call_chains, i_09_a_failed_answer_releases_nothing_before_its_time_and_then_it_is_tried_all_the_same) {
    feed(leg_answered{device(1)});
    const auto claimed = at;
    const auto waiting = *issue(verb::bridge);
    feed(event_of(ended_as(*issue(verb::answer), outcome::refused)));
    EXPECT_EQ(issue(verb::bridge), nullptr);
    EXPECT_EQ(phase_of(s), phase::answering);
    feed(tick{}, claimed + k_limit - at);
    ASSERT_NE(issue(verb::bridge), nullptr);
    EXPECT_EQ(issue(verb::bridge)->id, waiting.id);
    EXPECT_FALSE(issue(verb::bridge)->after);
    EXPECT_NE(issue(verb::answer), nullptr);
}

TEST_F(call_chains, a_winner_of_an_answered_caller_is_bridged_at_once) {
    feed(leg_answered{k_caller});
    feed(leg_answered{device(1)});
    ASSERT_NE(issue(verb::bridge), nullptr);
    EXPECT_FALSE(issue(verb::bridge)->after);
    EXPECT_EQ(issue(verb::answer), nullptr);
    command_outcome gone;
    gone.what = verb::bridge;
    gone.command_id = issue(verb::bridge)->id;
    gone.who = device(1);
    gone.result = outcome::peer_gone;
    feed(leg_answered{device(2)});
    feed(gone);
    ASSERT_NE(issue(verb::bridge), nullptr) << "the second winner";
    EXPECT_FALSE(issue(verb::bridge)->after);
    EXPECT_EQ(command_of(*issue(verb::bridge))->call_control_id, control_id(2));
}

// Two winners of a caller who is not answered: each waits for the answer of its own claim.
TEST_F(call_chains, i_09_the_next_winner_waits_for_its_own_answer) {
    feed(leg_answered{device(1)});
    const auto first = *issue(verb::bridge);
    feed(leg_answered{device(2)});
    feed(leg_hangup{device(1), "normal_clearing"});
    ASSERT_NE(issue(verb::bridge), nullptr);
    ASSERT_TRUE(issue(verb::bridge)->after);
    EXPECT_NE(issue(verb::bridge)->id, first.id);
    EXPECT_EQ(issue(verb::bridge)->after->id, issue(verb::answer)->id);
    EXPECT_NE(issue(verb::bridge)->after->id, first.after->id);
}

// I21: a record without a bridge proves something only when no request can be on its way any more, the
// chained one of any node among them, however early or late somebody has commanded.
TEST_F(call_chains, i_21_nothing_is_proof_while_the_chained_bridge_may_be_on_its_way) {
    feed(leg_answered{device(1)});
    const auto until = issue(verb::bridge)->deadline;
    for (const auto later : {millis{0}, millis{10}, millis{2'999}, millis{3'000}}) {
        auto early = decide(s, leg_answered{k_caller}, at + later).next;
        ASSERT_EQ(phase_of(early), phase::bridging);
        ASSERT_TRUE(current_join(early)->quiet_from);
        EXPECT_GE(*current_join(early)->quiet_from, until + millis{3'500}) << later.count();
        EXPECT_EQ(*current_join(early)->quiet_from, at + later + k_limit + millis{3'500});
    }
    // By a clock that is behind the one of the claim.
    auto behind = decide(s, leg_answered{k_caller}, at - millis{400}).next;
    EXPECT_EQ(*current_join(behind)->quiet_from, until + millis{3'500});
}

// Its outcome may be decided about before the one that it waited for (another node's, or in another order).
TEST_F(call_chains, i_10_a_chained_bridge_whose_end_is_known_is_not_sent_again) {
    for (const auto how : {outcome::done, outcome::refused}) {
        SetUp();
        feed(leg_answered{device(1)});
        const auto bridge = *issue(verb::bridge);
        feed(event_of(ended_as(bridge, how)));
        EXPECT_EQ(phase_of(s), phase::answering);
        feed(leg_answered{k_caller});
        EXPECT_EQ(phase_of(s), phase::bridging);
        EXPECT_EQ(issue(verb::bridge), nullptr) << name(how);
        ASSERT_TRUE(current_join(s)->quiet_from);
        EXPECT_LT(*current_join(s)->quiet_from, at + k_limit)
            << "the carrier has spoken: soon it is on record";
    }
}

TEST(effects, what_waits_may_be_tried_for_its_own_time_and_never_beyond_its_deadline) {
    effect e;
    e.deadline = k_now + millis{5'000};
    e.body = test_effect{};
    EXPECT_EQ(started(e, k_now).deadline, e.deadline);
    e.after = predecessor{"first", millis{2'000}};
    EXPECT_EQ(started(e, k_now).deadline, k_now + millis{2'000});
    EXPECT_EQ(started(e, k_now + millis{4'000}).deadline, k_now + millis{5'000});
    EXPECT_FALSE(started(e, k_now).after);
}

TEST(effects, an_end_says_of_which_effect_it_is) {
    command c;
    c.id = "id";
    c.call_control_id = "v3:leg";
    c.leg = leg_id{uuid{3, 4}};
    c.body = bridge_body{};
    const auto o = ended_as(c, outcome::expired);
    EXPECT_EQ(end_of(o).id, "id");
    EXPECT_EQ(end_of(o).result, outcome::expired);
    EXPECT_EQ(std::get<command_outcome>(o).what, verb::bridge);
    EXPECT_EQ(std::get<command_outcome>(o).who.leg, c.leg);
    EXPECT_EQ(std::get<command_outcome>(o).who.call_control_id, "v3:leg");
    effect e;
    e.id = "other";
    e.body = test_effect{};
    EXPECT_EQ(end_of(ended_as(e, outcome::done)).id, "other");
    EXPECT_TRUE(std::holds_alternative<test_outcome>(ended_as(e, outcome::done)));
}
