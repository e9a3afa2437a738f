// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that a device of ours places: from the carrier's parked leg to the talk, or to why there is none.
#include "support/scenario.hpp"

#include <z360/call/account.hpp>
#include <z360/call/view.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};
const leg_ref k_device{"v3:caller", std::nullopt};

incoming placed_call(placing_rule refused = placing_rule::none) {
    auto what = sample_incoming(1);
    auto& r = what.routed;
    auto& p = r.placed.emplace();
    p.by = r.targets.at(0);
    p.to = "+15557654321";
    p.refused = refused;
    if (refused != placing_rule::none) p.said = "You cannot call there.";
    r.targets.clear();
    r.mobile.clear();
    return what;
}

struct placing_calls : ::testing::Test {
    void begins(incoming what = placed_call()) { take(call::begin(std::move(what), now)); }
    void feed(const event& what, millis later = millis{100}, authority may = authority::newest) {
        now += later;
        take(decide(s, what, now, may));
    }
    void take(decision d) {
        s = std::move(d.next);
        EXPECT_STREQ(broken_invariant(s), nullptr);
        for (auto& o : d.effects) {
            if (auto c = command_of(o)) issued.push_back(std::move(*c));
            if (const auto* n = std::get_if<note>(&o)) notes.push_back(n->what);
            if (const auto* q = std::get_if<inquiry>(&o)) asked.push_back(q->round);
        }
    }
    [[nodiscard]] leg_ref peer() const { return {"v3:peer", placed_leg_id(s.id)}; }
    [[nodiscard]] command ordered() const {
        const auto found = std::find_if(issued.begin(), issued.end(), [](const command& c) {
            return c.what() == verb::transfer;
        });
        return found == issued.end() ? command{} : *found;
    }
    void outcome_of_order(outcome result) {
        auto o = std::get<command_outcome>(ended_as(effect(ordered()), result));
        o.attempts = 1;
        feed(event_of(o));
    }
    [[nodiscard]] long count(verb v) const {
        return std::count_if(issued.begin(), issued.end(), [v](const auto& c) { return c.what() == v; });
    }
    [[nodiscard]] std::vector<std::string> hung_up() const {
        std::vector<std::string> out;
        for (const auto& c : issued)
            if (c.what() == verb::hangup) out.push_back(c.call_control_id);
        return out;
    }
    void talks() {
        feed(leg_initiated{peer()});
        feed(leg_answered{peer()});
        feed(leg_bridged{k_device});
        feed(leg_bridged{peer()});
    }

    state s;
    time_point now = k_start;
    std::vector<command> issued;
    std::vector<remark> notes;
    std::vector<std::uint32_t> asked;
};

} // namespace

TEST_F(placing_calls, be_42_the_carrier_dials_for_the_devices_leg_as_the_organisations_number) {
    begins();
    ASSERT_EQ(issued.size(), 1U);
    const auto& c = issued[0];
    EXPECT_EQ(c.what(), verb::transfer);
    EXPECT_EQ(c.call_control_id, "v3:caller");
    EXPECT_EQ(c.leg, placed_leg_id(s.id));
    const auto& body = std::get<transfer_body>(c.body);
    EXPECT_EQ(body.leg, placed_leg_id(s.id));
    EXPECT_EQ(body.number, "+15557654321");
    EXPECT_EQ(body.from, s.routed.number_e164);
    EXPECT_EQ(body.timeout_secs, 60);
    EXPECT_TRUE(body.record) << "BE-43";
    EXPECT_EQ(body.recording_name, s.id.text());
    EXPECT_EQ(phase_of(s), phase::ringing);
    EXPECT_EQ(s.caller.device(), s.routed.placed->by.device);
    EXPECT_TRUE(s.rings.empty());
    EXPECT_TRUE(s.notices.empty());
}

TEST_F(placing_calls, be_43_nothing_is_recorded_where_the_organisation_records_nothing) {
    auto what = placed_call();
    what.routed.rules.record_calls = false;
    begins(std::move(what));
    EXPECT_FALSE(std::get<transfer_body>(ordered().body).record);
}

TEST_F(placing_calls, a_talk_begins_when_both_sides_are_told_to_be_joined_and_ends_with_either) {
    for (const bool device_leaves : {true, false}) {
        s = {};
        issued.clear();
        begins();
        outcome_of_order(outcome::done);
        talks();
        EXPECT_EQ(phase_of(s), phase::active);
        EXPECT_TRUE(s.answered_at);
        EXPECT_EQ(count(verb::bridge), 0) << "the carrier joins by itself";
        EXPECT_EQ(count(verb::speak), 0);
        EXPECT_EQ(count(verb::answer), 0);
        feed(leg_hangup{device_leaves ? k_device : peer(), "normal_clearing"});
        EXPECT_EQ(phase_of(s), phase::ended);
        EXPECT_EQ(s.reason, end_reason::completed);
        EXPECT_THAT(hung_up(), ::testing::ElementsAre(device_leaves ? "v3:peer" : "v3:caller"));
    }
}

TEST_F(placing_calls, whom_nobody_answers_is_busy_or_cannot_be_reached_ends_the_call_and_says_so) {
    const std::vector<std::pair<std::string, end_reason>> all{
        {"user_busy", end_reason::busy},
        {"call_rejected", end_reason::busy},
        {"timeout", end_reason::no_answer},
        {"no_answer", end_reason::no_answer},
        {"not_found", end_reason::failed},
        {"unallocated_number", end_reason::failed},
        {"a_word_of_tomorrow", end_reason::failed},
    };
    for (const auto& [cause, reason] : all) {
        s = {};
        issued.clear();
        begins();
        feed(leg_initiated{peer()});
        feed(leg_hangup{peer(), cause});
        EXPECT_EQ(phase_of(s), phase::ended) << cause;
        EXPECT_EQ(s.reason, reason) << cause;
        EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller")) << cause;
    }
}

TEST_F(placing_calls, whoever_gives_up_before_the_answer_leaves_nothing_ringing) {
    begins();
    feed(leg_initiated{peer()});
    feed(leg_hangup{k_device, "originator_cancel"});
    EXPECT_EQ(s.reason, end_reason::caller_cancelled);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:peer"));
}

TEST_F(placing_calls, d_4_a_leg_that_turns_up_after_the_device_has_gone_is_hung_up) {
    begins();
    feed(leg_hangup{k_device, "originator_cancel"});
    EXPECT_THAT(hung_up(), ::testing::IsEmpty()) << "its id is not known yet";
    feed(leg_initiated{peer()});
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:peer"));
}

TEST_F(placing_calls, what_the_carrier_refuses_is_over_at_once) {
    begins();
    outcome_of_order(outcome::refused);
    EXPECT_EQ(s.reason, end_reason::failed);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller"));
    EXPECT_THAT(notes, ::testing::Contains(remark::transfer_failed));
}

TEST_F(
    placing_calls, an_order_of_which_nobody_knows_what_became_is_asked_about_and_a_leg_that_is_there_rings_on
) {
    begins();
    outcome_of_order(outcome::expired);
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(phase_of(s), phase::ringing);
    feed(leg_initiated{peer()}); // of what is on record
    feed(carrier_told{asked[0], true});
    EXPECT_EQ(phase_of(s), phase::ringing);
    feed(leg_answered{peer()});
    feed(leg_bridged{k_device});
    feed(leg_bridged{peer()});
    EXPECT_EQ(phase_of(s), phase::active);
}

TEST_F(placing_calls, an_order_that_had_no_effect_ends_the_call_once_the_carrier_says_so) {
    begins();
    outcome_of_order(outcome::expired);
    ASSERT_EQ(asked.size(), 1U);
    feed(carrier_told{asked[0], true});
    feed(tick{}, *deadline(s) - now);
    EXPECT_EQ(s.reason, end_reason::failed);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller"));
}

TEST_F(placing_calls, a_lost_end_of_the_ring_is_asked_about_when_the_carriers_time_is_long_up) {
    begins();
    outcome_of_order(outcome::done);
    feed(leg_initiated{peer()});
    const auto limit = deadline(s);
    ASSERT_TRUE(limit);
    EXPECT_GE(*limit - k_start, millis{60'000});
    feed(tick{}, *limit - now);
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(phase_of(s), phase::ringing);
    feed(carrier_told{asked[0], true});
    feed(tick{}, *deadline(s) - now);
    EXPECT_EQ(s.reason, end_reason::no_answer);
    EXPECT_THAT(hung_up(), ::testing::UnorderedElementsAre("v3:peer", "v3:caller"));
}

TEST_F(placing_calls, i_21_time_ends_nothing_on_a_copy_that_may_be_old) {
    begins();
    feed(leg_initiated{peer()});
    feed(tick{}, *deadline(s) - now, authority::unproven);
    feed(tick{}, millis{3'600'000}, authority::unproven);
    EXPECT_EQ(phase_of(s), phase::ringing);
    EXPECT_THAT(hung_up(), ::testing::IsEmpty());
}

TEST_F(placing_calls, an_answer_whose_bridge_is_never_told_is_asked_about) {
    begins();
    feed(leg_initiated{peer()});
    feed(leg_answered{peer()});
    EXPECT_EQ(phase_of(s), phase::bridging);
    feed(tick{}, *deadline(s) - now);
    ASSERT_EQ(asked.size(), 1U);
    feed(leg_bridged{peer()});
    feed(carrier_told{asked[0], true});
    EXPECT_EQ(phase_of(s), phase::active) << "one side's report and the carrier's word that there is no more";
}

TEST_F(placing_calls, a_rule_that_forbids_it_is_told_and_nothing_is_dialed) {
    begins(placed_call(placing_rule::destination_forbidden));
    EXPECT_EQ(count(verb::transfer), 0);
    ASSERT_EQ(count(verb::speak), 1);
    EXPECT_EQ(count(verb::answer), 0);
    EXPECT_EQ(std::get<speak_body>(issued[0].body).text, "You cannot call there.");
    EXPECT_THAT(notes, ::testing::Contains(remark::placing_refused));
    prompt_ended e;
    e.who = k_device;
    e.at = now;
    feed(e);
    EXPECT_EQ(s.reason, end_reason::rejected);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller"));
    EXPECT_EQ(count(verb::reject), 0);
}

TEST_F(placing_calls, a_refusal_that_cannot_be_said_hangs_up) {
    begins(placed_call(placing_rule::destination_forbidden));
    auto o = std::get<command_outcome>(ended_as(effect(issued.at(0)), outcome::refused));
    feed(event_of(o));
    EXPECT_EQ(s.reason, end_reason::rejected);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller"));
}

TEST_F(placing_calls, be_42_whoever_is_nobody_of_ours_is_hung_up_on) {
    auto what = placed_call(placing_rule::unknown_device);
    what.routed.placed->said.clear();
    begins(std::move(what));
    EXPECT_EQ(s.reason, end_reason::rejected);
    EXPECT_THAT(hung_up(), ::testing::ElementsAre("v3:caller"));
}

TEST_F(placing_calls, and_13_its_device_and_its_person_see_it_as_an_outbound_call) {
    begins();
    viewer who;
    who.who = viewer::as::device;
    who.user = s.routed.user;
    who.device = s.caller.device();
    auto v = view_of(s, who);
    ASSERT_TRUE(v);
    EXPECT_TRUE(v->outbound);
    EXPECT_EQ(v->caller_number, "+15557654321");
    ASSERT_TRUE(v->mine);
    EXPECT_FALSE(v->mine->rings);
    EXPECT_EQ(v->ring_deadline, k_start + millis{60'000});
    EXPECT_THAT(v->allowed, ::testing::IsEmpty()) << "there is nothing to decline";
    talks();
    v = view_of(s, who);
    EXPECT_EQ(v->winner, s.caller.device());
    EXPECT_THAT(v->allowed, ::testing::Contains(request_kind::pause_recording));
    feed(leg_hangup{peer(), "normal_clearing"});
    v = view_of(s, who);
    EXPECT_FALSE(v->missed);
    EXPECT_EQ(account_of(s, {}).steps.front(), "handleCall:outbound");
}

TEST_F(placing_calls, nobody_has_missed_a_call_that_they_placed) {
    begins();
    feed(leg_hangup{peer(), "timeout"});
    EXPECT_FALSE(account_of(s, {}).missed);
    EXPECT_FALSE(account_of(s, {}).delivered);
}

// I10: what became of it does not depend on the order in which the two ends, and what came before, are told.
TEST_F(placing_calls, i_10_any_order_of_what_is_told_ends_alike) {
    const std::vector<std::vector<std::function<event(const placing_calls&)>>> stories{
        {[](const auto&) { return leg_hangup{k_device, "originator_cancel"}; },
         [](const auto& t) { return leg_hangup{t.peer(), "originator_cancel"}; },
         [](const auto& t) { return leg_initiated{t.peer()}; }},
        {[](const auto& t) { return leg_hangup{t.peer(), "user_busy"}; },
         [](const auto&) { return leg_hangup{k_device, "user_busy"}; },
         [](const auto& t) { return leg_initiated{t.peer()}; }},
        {[](const auto& t) { return leg_hangup{t.peer(), "user_busy"}; },
         [](const auto&) { return leg_hangup{k_device, "originator_cancel"}; }},
        {[](const auto& t) { return leg_answered{t.peer()}; },
         [](const auto&) { return leg_bridged{k_device}; },
         [](const auto& t) { return leg_bridged{t.peer()}; },
         [](const auto&) { return leg_hangup{k_device, "normal_clearing"}; },
         [](const auto& t) { return leg_hangup{t.peer(), "normal_clearing"}; }},
        {[](const auto& t) { return leg_answered{t.peer()}; },
         [](const auto&) { return leg_hangup{k_device, "normal_clearing"}; },
         [](const auto& t) { return leg_hangup{t.peer(), "normal_clearing"}; }},
    };
    for (const auto& story : stories) {
        std::set<end_reason> ends;
        std::vector<std::size_t> order(story.size());
        for (std::size_t i = 0; i < order.size(); ++i)
            order[i] = i;
        do {
            s = {};
            issued.clear();
            begins();
            for (const auto i : order)
                feed(story[i](*this));
            EXPECT_EQ(phase_of(s), phase::ended);
            ends.insert(s.reason);
        } while (std::next_permutation(order.begin(), order.end()));
        EXPECT_EQ(ends.size(), 1U) << "story " << &story - stories.data();
    }
}
