// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/fold.hpp"
#include "support/scenario.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::engine;
using z360::testing::sample_incoming;

namespace {

const time_point k_now = time_point{millis{1'800'000'000'000}};

folded
run(std::optional<port::stored_call> from, std::vector<item> items, std::vector<item>* orphans = nullptr) {
    std::vector<item> lost;
    const char* broken = nullptr;
    auto f = fold(std::move(from), items, k_now, lost, broken);
    EXPECT_EQ(broken, nullptr);
    if (orphans != nullptr) *orphans = lost;
    return f;
}

} // namespace

TEST(fold, be_01_a_caller_who_has_already_left_is_never_dialed_for) {
    const call::leg_hangup gone{{"v3:caller", std::nullopt}, "originator_cancel"};
    const auto f = run(std::nullopt, {item{sample_incoming(3), "e1"}, item{gone, "e2"}});
    EXPECT_EQ(phase_of(f.commit.next), call::phase::ended);
    EXPECT_TRUE(f.commit.new_effects.empty());
    EXPECT_EQ(f.commit.processed_events, (std::vector<std::string>{"e1", "e2"}));
    EXPECT_EQ(f.commit.expected_version, 0U);
}

TEST(fold, be_12_events_before_the_call_exists_are_handed_back) {
    std::vector<item> orphans;
    const auto f = run(std::nullopt, {item{call::leg_initiated{{"v3:x", std::nullopt}}, "e1"}}, &orphans);
    EXPECT_FALSE(f.changed);
    ASSERT_EQ(orphans.size(), 1U);
    EXPECT_EQ(orphans[0].inbox_id, "e1");
}

TEST(fold, nothing_is_stored_when_nothing_happened) {
    const auto begun = run(std::nullopt, {item{sample_incoming(1), ""}});
    const auto f = run(port::stored_call{begun.commit.next, 1}, {item{call::tick{}, ""}});
    EXPECT_FALSE(f.changed);
}

TEST(fold, i_08_a_run_that_was_given_up_does_not_finish_the_command_that_is_issued_now) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), ""}}).commit.next;
    const call::leg_ref winner{"v3:d1", begun.legs[0].id};
    const call::leg_ref loser{"v3:d2", begun.legs[1].id};
    const call::leg_ref caller{begun.caller.call_control_id, std::nullopt};
    const auto bridging = run(port::stored_call{begun, 1},
                              {item{call::leg_initiated{loser}, ""}, item{call::leg_answered{winner}, ""},
                               item{call::leg_answered{caller}, ""}})
                              .commit.next;
    // This node hung the loser up in its memory and lost that decision to another one's; its hang-up was
    // given up.
    const auto id = begun.legs[1].id.text() + "-hangup";
    const call::command_outcome given_up{id, call::verb::hangup, loser, call::outcome::superseded, "10007"};
    const auto f =
        run(port::stored_call{bridging, 2},
            {item{given_up, ""}, item{call::leg_bridged{winner}, ""}, item{call::leg_bridged{caller}, ""}});
    ASSERT_EQ(phase_of(f.commit.next), call::phase::active);
    ASSERT_EQ(f.commit.new_effects.size(), 1U);
    EXPECT_EQ(f.commit.new_effects[0].id, id);
    EXPECT_TRUE(f.commit.finished.empty());
}

TEST(fold, i_17_what_came_of_a_pause_is_not_gathered_with_what_nobody_waits_for) {
    call::command_outcome done;
    for (const auto what : {call::verb::record_pause, call::verb::record_resume}) {
        done.what = what;
        EXPECT_FALSE(can_wait(done, nullptr)) << call::name(what);
    }
    done.what = call::verb::speak;
    EXPECT_TRUE(can_wait(done, nullptr));
}

TEST(fold, i_09_what_waits_for_another_is_kept_while_its_success_would_want_it) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), ""}}).commit.next;
    const call::leg_ref winner{"v3:d1", begun.legs[0].id};
    const call::leg_ref caller{begun.caller.call_control_id, std::nullopt};
    const item answered{call::leg_answered{winner}, ""};
    const auto claim = run(port::stored_call{begun, 1}, {answered}).commit;
    ASSERT_EQ(claim.new_effects.size(), 2U); // answer, and the bridge that waits for it
    ASSERT_TRUE(claim.new_effects[1].after);
    EXPECT_EQ(claim.new_effects[1].after->id, claim.new_effects[0].id);

    const auto left =
        run(port::stored_call{begun, 1}, {answered, item{call::leg_hangup{winner, "normal_clearing"}, ""}});
    for (const auto& e : left.commit.new_effects)
        EXPECT_FALSE(e.after) << e.id << " would join nobody";

    // The caller's answer comes in the same pass: one bridge, which waits for nothing.
    const auto both =
        run(port::stored_call{begun, 1}, {answered, item{call::leg_answered{caller}, ""}}).commit;
    ASSERT_EQ(both.new_effects.size(), 1U);
    EXPECT_EQ(both.new_effects[0].id, claim.new_effects[1].id);
    EXPECT_FALSE(both.new_effects[0].after);

    // Decided again after the answer has failed: nothing is issued that could never start.
    const auto failed = call::ended_as(claim.new_effects[0], call::outcome::refused);
    const auto again = run(port::stored_call{begun, 1}, {answered, item{call::event_of(failed), ""}}).commit;
    ASSERT_EQ(again.new_effects.size(), 1U);
    EXPECT_EQ(again.new_effects[0].id, claim.new_effects[0].id);
}

TEST(fold, i_09_merged_commits_issue_an_effect_once_as_it_was_issued_last) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), ""}}).commit.next;
    const call::leg_ref winner{"v3:d1", begun.legs[0].id};
    const call::leg_ref caller{begun.caller.call_control_id, std::nullopt};
    auto first = run(port::stored_call{begun, 1}, {item{call::leg_answered{winner}, ""}}).commit;
    const auto bridge = first.new_effects.at(1).id;
    first.finished.push_back(call::ended_as(first.new_effects[1], call::outcome::superseded));
    auto second = run(port::stored_call{first.next, 2}, {item{call::leg_answered{caller}, ""}}).commit;
    merge(first, std::move(second));
    ASSERT_EQ(first.new_effects.size(), 2U);
    EXPECT_EQ(first.new_effects[1].id, bridge);
    EXPECT_FALSE(first.new_effects[1].after);
    EXPECT_TRUE(first.finished.empty()) << "given up before it was issued anew";
}

TEST(fold, two_commits_merge_into_one) {
    auto first = run(std::nullopt, {item{sample_incoming(2), "e1"}}).commit;
    const auto leg = first.next.legs[0].id;
    auto second =
        run(port::stored_call{first.next, 0}, {item{call::leg_answered{{"v3:d1", leg}}, "e2"}}).commit;
    merge(first, second);
    EXPECT_EQ(first.expected_version, 0U);
    EXPECT_EQ(phase_of(first.next), call::phase::answering);
    EXPECT_EQ(first.new_effects.size(), 4U); // two dials, the answer and the bridge that waits for it
    EXPECT_EQ(first.processed_events, (std::vector<std::string>{"e1", "e2"}));
}

TEST(fold, i_01_what_was_in_time_is_not_late_when_it_is_written_down_again) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), "e1"}}).commit.next;
    const call::leg_ref device{"v3:d1", begun.legs[0].id};
    const call::leg_ref caller{begun.caller.call_control_id, std::nullopt};
    const auto bridging =
        run(port::stored_call{begun, 1},
            {item{call::leg_answered{device}, "e2"}, item{call::leg_answered{caller}, "e3"}});
    ASSERT_EQ(phase_of(bridging.commit.next), call::phase::bridging);
    // Decided without Postgres right after the above; now, 10 s later, the stored state is taken up again.
    std::vector<item> again{
        item{call::tick{}, ""}, item{call::leg_bridged{device}, "e4"}, item{call::leg_bridged{caller}, "e5"}
    };
    for (auto& i : again)
        i.decided_at = k_now + millis{100};
    std::vector<item> lost;
    const char* broken = nullptr;
    const auto f =
        fold(port::stored_call{bridging.commit.next, 2}, again, k_now + millis{10'000}, lost, broken);
    EXPECT_EQ(phase_of(f.commit.next), call::phase::active);
    EXPECT_EQ(f.commit.at, k_now + millis{10'000});
}

TEST(fold, be_41_a_leg_that_is_not_found_and_one_that_answers_tell_about_their_devices_once) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), ""}}).commit.next;
    EXPECT_TRUE(news_of(nullptr, begun).empty());
    const auto gone = begun.legs[0].id;
    const auto here = begun.legs[1].id;
    const auto next =
        run(port::stored_call{begun, 1}, {item{call::leg_hangup{{"v3:a", gone}, "not_found"}, ""},
                                          item{call::leg_answered{{"v3:b", here}}, ""}})
            .commit.next;
    const auto news = news_of(&begun, next);
    ASSERT_EQ(news.size(), 2U);
    EXPECT_EQ(news[0].first.identity, next.find(gone)->identity());
    EXPECT_EQ(news[0].second, leg_news::not_found);
    EXPECT_EQ(news[1].first.identity, next.find(here)->identity());
    EXPECT_EQ(news[1].second, leg_news::answered);
    EXPECT_TRUE(news_of(&next, next).empty());
}

TEST(fold, be_41_a_hang_up_that_found_the_leg_gone_does_not_hide_why) {
    // The caller gave up at once: our hang-up is refused before the carrier's event with the cause arrives.
    const auto begun = run(std::nullopt, {item{sample_incoming(1), ""}}).commit.next;
    const call::leg_ref device{"v3:a", begun.legs[0].id};
    const auto dialed =
        run(port::stored_call{begun, 1},
            {item{call::command_outcome{"d", call::verb::dial, device}, ""},
             item{call::leg_hangup{{begun.caller.call_control_id, std::nullopt}, "originator_cancel"}, ""}})
            .commit.next;
    const call::command_outcome refused{"h", call::verb::hangup, device, call::outcome::peer_gone, "90018"};
    const auto gone = run(port::stored_call{dialed, 2}, {item{refused, ""}}).commit.next;
    ASSERT_TRUE(gone.legs[0].ended);
    EXPECT_TRUE(news_of(&dialed, gone).empty());
    EXPECT_FALSE(run(port::stored_call{gone, 3}, {item{call::leg_hangup{device, ""}, ""}}).changed)
        << "an end without a cause tells nothing new";
    const call::leg_hangup why{device, "not_found"};
    const auto told = run(port::stored_call{gone, 3}, {item{why, ""}}).commit.next;
    const auto news = news_of(&gone, told);
    ASSERT_EQ(news.size(), 1U);
    EXPECT_EQ(news[0].second, leg_news::not_found);
    EXPECT_FALSE(run(port::stored_call{told, 4}, {item{why, ""}}).changed) << "told once";
}

TEST(fold, be_41_other_ends_of_a_leg_say_nothing_about_its_device) {
    const auto begun = run(std::nullopt, {item{sample_incoming(1), ""}}).commit.next;
    const auto leg = begun.legs[0].id;
    const auto next =
        run(port::stored_call{begun, 1}, {item{call::leg_hangup{{"v3:a", leg}, "user_busy"}, ""}})
            .commit.next;
    EXPECT_TRUE(news_of(&begun, next).empty());
}

TEST(fold, what_is_stored_against_the_rules_is_not_decided_about) {
    const auto begun = run(std::nullopt, {item{sample_incoming(2), ""}}).commit.next;
    const auto rule_of = [](call::state s) {
        std::vector<item> lost;
        const char* broken = nullptr;
        const auto f =
            fold(port::stored_call{std::move(s), 1}, {item{call::tick{}, ""}}, k_now, lost, broken);
        EXPECT_FALSE(f.changed);
        EXPECT_TRUE(f.commit.new_effects.empty());
        return std::string(broken != nullptr ? broken : "");
    };
    EXPECT_EQ(rule_of(begun), "");
    auto claimed = begun; // a claim without a time limit
    claimed.epoch = 1;
    claimed.joins.push_back({.epoch = 1, .a = begun.caller.id, .b = begun.legs[0].id});
    EXPECT_EQ(rule_of(claimed), "claim_has_a_limit");
    auto undialed = begun; // somebody to be dialed in a ring that is not there
    undialed.rings.clear();
    undialed.legs[0].to_dial = true;
    EXPECT_NE(rule_of(undialed), "");
    auto twice = begun;
    twice.legs[1].id = twice.legs[0].id;
    EXPECT_EQ(rule_of(twice), "every_leg_has_an_id_of_its_own");
}

TEST(fold, state_05_what_was_measured_goes_with_the_commit_and_with_what_becomes_one_commit) {
    const auto begun = run(std::nullopt, {item{sample_incoming(1), ""}}).commit.next;
    call::media_figures heard;
    heard.mos = "4.2";
    call::charge cost;
    cost.total = "0.01";
    const call::leg_ref caller{begun.caller.call_control_id, std::nullopt};
    auto first =
        run(port::stored_call{begun, 1}, {item{call::leg_hangup{caller, "normal_clearing", heard}, "e1"}});
    ASSERT_EQ(first.commit.reports.size(), 1U);
    const auto later =
        run(port::stored_call{first.commit.next, 2}, {item{call::leg_charged{caller, cost}, "e2"}});
    EXPECT_TRUE(later.changed);
    EXPECT_EQ(later.commit.next, first.commit.next) << "no part of the call";
    merge(first.commit, later.commit);
    ASSERT_EQ(first.commit.reports.size(), 2U);
    EXPECT_EQ(std::get<call::charge>(first.commit.reports[1].what), cost);
    EXPECT_EQ(first.commit.processed_events, (std::vector<std::string>{"e1", "e2"}));
}
