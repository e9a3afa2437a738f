// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The rest of an inbound call's life, under the troubles of simulation_test.cpp.
#include "judge.hpp"
#include "schedules.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

using namespace z360;
using namespace z360::testing;

namespace {

template <trouble level>
plan of_life(std::uint64_t seed) {
    return make_life_plan(seed, level);
}

/// Nothing goes wrong but what is put in; and what does, is excused as trouble is.
plan quiet_life(std::uint64_t seed) {
    auto p = make_life_plan(seed, trouble::none);
    p.level = trouble::webhooks;
    return p;
}

} // namespace

TEST(simulation, i_17_be_24_be_26_b_43_hours_blocks_voicemail_and_recordings) {
    run_many(of_life<trouble::none>, 400, "life");
    run_many(of_life<trouble::webhooks>, 400, "life");
    run_many(of_life<trouble::commands>, 300, "life");
    run_many(of_life<trouble::nodes>, 300, "life");
    run_many(of_life<trouble::odd>, 200, "life");
    run_many(of_life<trouble::silence>, 100, "life");
}

// The node's death among them, at every step.
TEST(simulation, i_03_i_17_one_mishap_at_every_question_of_a_whole_life) {
    const auto seeds = setting("Z360_SIM_RUNS", 10);
    const auto asked =
        every_mishap(quiet_life, seeds, &world::figures_t::questions, k_mishap_count, arm_store);
    EXPECT_GT(asked, seeds * 100) << "too little was asked to prove anything";
    const auto sent =
        every_mishap(quiet_life, seeds, &world::figures_t::requests, k_carrier_mishap_count, arm_carrier);
    EXPECT_GT(sent, seeds * 30) << "too little was asked to prove anything";
}

// One node had granted a pause in its memory, and paused; another one refused it as late, and that was
// stored.
TEST(simulation, seed_pause_of_a_copy_whose_decision_came_to_nothing) {
    (void)passes(of_life<trouble::nodes>(93'204'946), "seed");
}

// A greeting and a ringback of another copy ended in one millisecond.
TEST(simulation, seed_two_sounds_that_ended_together) {
    (void)passes(of_life<trouble::odd>(93'304'352), "seed");
}
// A resumption ahead of the store, and two recordings of one talk of which one was paused.
TEST(simulation, seed_recorded_while_paused_was_shown) {
    (void)passes(of_life<trouble::nodes>(93'308'941), "seed");
    (void)passes(of_life<trouble::nodes>(95'001'695), "seed");
}
// A node died that had paused ahead of the store; a pause that was refused was sent again, to a new
// recording.
TEST(simulation, seed_pause_that_nobody_knew_of) {
    (void)passes(of_life<trouble::nodes>(96'025'108), "seed");
    (void)passes(of_life<trouble::odd>(96'038'863), "seed");
}
// The greeting waited for the end of a ringback.
TEST(simulation, seed_greeting_behind_an_endless_ringback) {
    (void)passes(of_life<trouble::silence>(96'021'079), "seed");
}

// ---- the judge convicts: by other rules than the call went by, or of a carrier that lies

namespace {

/// The first of these schedules of which the judge says that, with the world as `amend` leaves it.
bool convicts(std::string_view of, plan (*make)(std::uint64_t), void (*lie)(plan&), void (*amend)(world&)) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        auto p = make(seed);
        if (lie != nullptr) lie(p);
        world w(std::move(p));
        (void)w.run();
        if (amend != nullptr) amend(w);
        for (const auto& b : judge(w))
            if (b.starts_with(of)) return true;
    }
    return false;
}
bool by_other_rules(std::string_view of, void (*amend)(world&)) {
    return convicts(of, of_life<trouble::none>, nullptr, amend);
}

template <int verb>
void carried_out_by_nobody(plan& p) {
    constexpr std::array verbs{"record_pause", "record_resume", "bridge"};
    p.carrier_faults.clear();
    sim::command_fault f;
    f.verb = verbs[verb];
    if (f.verb == "bridge")
        f.unrecorded = true;
    else
        f.no_effect = true;
    p.carrier_faults.push_back(f);
}

} // namespace

TEST(simulation_judge, convicts_who_rings_anybody_in_closed_hours_or_for_a_blocked_caller) {
    EXPECT_TRUE(by_other_rules("closed or blocked: gencred", [](world& w) {
        w.what.routed.cause = call::route_cause::closed;
    }));
    EXPECT_TRUE(by_other_rules("closed or blocked: device", [](world& w) {
        w.what.routed.cause = call::route_cause::blocked;
    }));
}
TEST(simulation_judge, b_43_convicts_who_answers_a_blocked_caller_or_tells_them_nothing) {
    const auto answered = [](world& w) {
        w.what.routed.cause = call::route_cause::blocked;
        w.what.routed.instead.clear();
    };
    EXPECT_TRUE(by_other_rules("B43: a blocked caller was answered", answered));
    EXPECT_TRUE(by_other_rules("B43: the end is called", answered));
    EXPECT_TRUE(by_other_rules("B43: a blocked caller was told nothing", [](world& w) {
        w.what.routed.cause = call::route_cause::blocked;
        w.what.routed.instead = "Something else.";
    }));
}
TEST(simulation_judge, b_43_convicts_who_cuts_off_what_a_blocked_caller_is_told) {
    // The carrier says that it was over before it was.
    EXPECT_TRUE(convicts(
        "B43: what a blocked caller is told was cut off", of_life<trouble::none>,
        [](plan& p) { p.carrier.speak_per_char = millis{400}; }, nullptr
    ));
}
TEST(simulation_judge, be_26_convicts_a_wrong_greeting_and_messages_that_nobody_takes_or_that_are_too_long) {
    EXPECT_TRUE(by_other_rules("BE-26: a caller was asked", [](world& w) {
        w.what.routed.rules.takes_messages = false;
    }));
    EXPECT_TRUE(by_other_rules("I17: a message was recorded that nobody takes", [](world& w) {
        w.what.routed.rules.takes_messages = false;
    }));
    EXPECT_TRUE(by_other_rules("BE-26: the wrong greeting", [](world& w) {
        w.what.routed.rules.voicemail_greeting_url = "https://media.example.test/other.mp3";
    }));
    EXPECT_TRUE(by_other_rules("BE-26: the greeting was not said", [](world& w) {
        w.what.routed.rules.voicemail_greeting = "Something else.";
    }));
    EXPECT_TRUE(by_other_rules("BE-26: the message is too long", [](world& w) {
        w.what.routed.rules.voicemail_max = millis{500};
    }));
}
TEST(simulation_judge, be_26_convicts_who_records_a_message_over_the_greeting_or_twice) {
    // The audio lasts beyond the longest that is waited for.
    EXPECT_TRUE(convicts(
        "BE-26: the greeting's audio was recorded over", of_life<trouble::none>,
        [](plan& p) { p.carrier.playback_length = millis{90'000}; }, nullptr
    ));
    // The carrier forgets a command at once, and carries it out once more.
    EXPECT_TRUE(convicts(
        "two messages were recorded", of_life<trouble::commands>,
        [](plan& p) { p.carrier.command_memory = millis{0}; }, nullptr
    ));
}
TEST(simulation_judge, be_32_convicts_who_does_not_know_a_recording_that_was_told_of) {
    EXPECT_TRUE(convicts(
        "BE-32:", of_life<trouble::none>,
        [](plan& p) {
            sim::webhook_fault lost;
            lost.event_type = "call.recording.saved";
            lost.drop = true;
            p.webhook_faults.push_back(lost);
        },
        nullptr
    ));
}
TEST(simulation_judge, i_17_convicts_who_records_against_the_rules) {
    EXPECT_TRUE(by_other_rules("I17: ", [](world& w) { w.what.routed.rules.record_calls = false; }));
    EXPECT_TRUE(by_other_rules("I17: record_pause against the rules", [](world& w) {
        w.what.routed.rules.recording_mandatory = true;
    }));
}
TEST(simulation_judge, i_17_convicts_a_pause_in_which_something_is_stored) {
    EXPECT_TRUE(
        convicts("I17: recorded while paused", of_life<trouble::none>, carried_out_by_nobody<0>, nullptr)
    );
    EXPECT_TRUE(convicts(
        "BE-24: shown as recorded, and paused", of_life<trouble::none>, carried_out_by_nobody<1>, nullptr
    ));
    EXPECT_TRUE(convicts("I17: wish", of_life<trouble::none>, carried_out_by_nobody<1>, [](world& w) {
        w.what.carrier_faults.clear();
    }));
}
TEST(simulation_judge, be_24_convicts_talks_that_are_not_recorded_and_go_on) {
    EXPECT_TRUE(convicts(
        "BE-24: the talk from", of_life<trouble::none>, carried_out_by_nobody<2>,
        [](world& w) { w.what.carrier_faults.clear(); }
    ));
    EXPECT_TRUE(by_other_rules("BE-24: a talk that must be recorded went on", [](world& w) {
        w.what.routed.rules.recording_mandatory = w.what.routed.rules.ends_unrecorded = true;
    }));
    EXPECT_TRUE(by_other_rules("I21: we ended the talk", [](world& w) {
        w.what.routed.rules.ends_unrecorded = false;
    }));
}
TEST(simulation_judge, b_24_convicts_who_keeps_a_caller) {
    EXPECT_TRUE(convicts(
        "B24: the caller was kept", of_life<trouble::none>,
        [](plan& p) {
            sim::command_fault deaf;
            deaf.verb = "hangup";
            deaf.no_effect = true;
            p.carrier_faults.push_back(deaf);
        },
        nullptr
    ));
}
