// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A bridge whose fate is unknown: lost replies and late reports. The rule in use, and those that are not
// enough.
#include "bridge_model.hpp"

#include <gtest/gtest.h>

namespace z360::model {
namespace {

using by = giving_up::by_kind;

TEST(bridge, i_01_i_21_asking_when_nothing_is_on_its_way_ends_no_talk_with_the_fence_and_without) {
    for (const bool fence : {true, false}) {
        giving_up rules;
        rules.fence = fence;
        const auto f = explore(rules);
        EXPECT_EQ(f.displaced, "");
        EXPECT_EQ(f.cut, "");
        EXPECT_EQ(f.limbo, "");
        EXPECT_NE(f.second, "") << "who cannot be joined is given up";
    }
}

TEST(bridge, i_21_a_time_limit_cuts_a_talk_whatever_the_fence_and_displaces_it_without) {
    giving_up rules;
    rules.by = by::time;
    rules.waits_for_hangup = false;
    auto f = explore(rules);
    EXPECT_NE(f.cut, "");
    EXPECT_EQ(f.displaced, "") << "the fence holds";
    rules.fence = false;
    f = explore(rules);
    EXPECT_NE(f.cut, "");
    EXPECT_NE(f.displaced, "");
}

TEST(bridge, i_21_the_answer_to_a_question_asked_too_early_is_no_proof) {
    giving_up rules;
    rules.by = by::any_answer;
    EXPECT_NE(explore(rules).cut, "");
}

// Should the carrier's record lag behind its bridges, talks may be cut, but nobody is ever joined twice: the
// next winner waits until the dropped leg is gone.
TEST(bridge, i_01_a_record_that_lags_joins_nobody_twice_because_the_next_winner_waits) {
    giving_up rules;
    rules.record_lags = true;
    rules.fence = false;
    EXPECT_EQ(explore(rules).displaced, "");
    EXPECT_NE(explore(rules).cut, "") << "a limit that is known";
    rules.waits_for_hangup = false;
    EXPECT_NE(explore(rules).displaced, "");
}

} // namespace
} // namespace z360::model
