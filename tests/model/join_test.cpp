// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Joins after the first: the rules that were chosen, and those that look as good and are not.
#include "join_model.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <string>

namespace z360::model {
namespace {

using again = carrier_words::again;
using later_when = join_rules::later_when;
using parking = join_rules::parking;
using release = join_rules::release;

join_findings all_of(const join_rules& r, const carrier_words& c = {}, const join_world& w = {}) {
    const auto f = explore(r, c, w);
    std::cout << f.states << " states\n";
    return f;
}

// A wrong variant must be found wrong: the named invariant falls, and the way there is printed.
void falls(
    std::string join_findings::* which, const join_rules& r, const carrier_words& c = {},
    const join_world& w = {}
) {
    const auto f = explore(r, c, w, true);
    std::cout << f.fallen() << " after " << f.states << " states:\n" << f.*which << "\n";
    EXPECT_NE(f.*which, "") << f.fallen();
}

void is_safe(const join_findings& f) {
    EXPECT_EQ(f.fallen(), "-") << f.displaced << f.cut << f.lost << f.ghost << f.limbo;
}

TEST(join, i_01_i_21_the_rules_are_safe_whether_a_bridge_steals_or_is_refused_and_keep_what_they_promise) {
    for (const bool steals : {true, false}) {
        const auto f = all_of({}, {.steals = steals});
        is_safe(f);
        EXPECT_NE(f.moved, "");
        EXPECT_NE(f.kept, "") << "the device is lost, the caller is parked and joined again";
    }
}

TEST(join, i_07_the_rules_are_safe_when_commands_are_repeated) {
    is_safe(all_of({}, {}, {.blind = false, .sendings = 2}));
    is_safe(all_of({}, {}, {.leg_lost = false, .move = false, .sendings = 2}));
}

TEST(join, i_21_parking_when_the_losers_are_gone_holds_if_it_does_not_stay_or_the_fence_says_200) {
    is_safe(all_of({}, {.parking_stays = false}));
    is_safe(all_of({}, {.fence_says_ok = true}));
}

TEST(join, i_02_when_the_caller_leaves_no_leg_is_left) {
    is_safe(all_of({}, {}, {.leg_lost = false, .caller_leaves = true}));
}

TEST(join, i_21_parking_rests_on_what_a_second_bridge_of_the_same_two_does) {
    const auto f = all_of({}, {.twice = again::refused});
    is_safe(f);
    EXPECT_EQ(f.kept + f.moved, "") << "refused: nothing is promised, nothing is lost";
    falls(&join_findings::lost, {}, {.twice = again::without_effect});
    falls(&join_findings::cut, {}, {.twice = again::breaks});
}

TEST(join, never_parking_is_safe_and_no_later_join_is_possible) {
    const auto f = all_of({.parks = parking::never});
    is_safe(f);
    EXPECT_EQ(f.kept + f.moved, "");
    falls(&join_findings::lost, {.parks = parking::never, .splits_unparked = true});
}

TEST(join, i_01_the_caller_in_the_path_of_a_first_join_displaces_a_talk_if_one_node_is_blind) {
    falls(&join_findings::displaced, {.first = in_path::caller});
    is_safe(all_of({.first = in_path::caller, .later = in_path::caller}, {}, {.blind = false}));
}

TEST(join, i_01_without_the_fence_a_first_join_displaces_a_talk_if_one_node_is_blind) {
    falls(&join_findings::displaced, {.fence = false});
    is_safe(all_of({.fence = false}, {}, {.blind = false}));
}

TEST(join, i_09_a_blind_node_that_waits_leaves_its_device_and_the_caller_alone) {
    falls(&join_findings::ghost, {.blind_joins = false});
}

TEST(join, i_21_parking_while_losers_are_there_cuts_the_talk_of_one_that_is_joined_late) {
    falls(&join_findings::cut, {.parks = parking::when_joined});
}

TEST(join, i_21_the_ring_of_a_parked_caller_has_the_same_window_and_caller_in_the_path_is_worse) {
    const join_world later_ring{.parked = true};
    falls(&join_findings::cut, {}, {}, later_ring);
    is_safe(all_of({}, {.parking_stays = false}, later_ring));
    EXPECT_NE(all_of({.later = in_path::caller}, {}, later_ring).displaced, "");
}

TEST(join, i_11_i_21_legs_released_by_claim_or_by_a_200_are_cut_out_of_talks) {
    falls(&join_findings::cut, {.lets_go = release::by_claim});
    falls(&join_findings::cut, {.lets_go = release::by_reply}, {.fence_says_ok = true});
}

TEST(join, i_01_i_21_replacing_a_talk_by_a_bridge_cuts_or_displaces_talks_unless_the_store_is_everywhere) {
    falls(&join_findings::cut, {.later = in_path::caller, .then = later_when::at_once});
    const join_rules replaced{.fence = false, .parks = parking::never, .then = later_when::at_once};
    falls(&join_findings::displaced, replaced);
    const auto f = all_of(replaced, {}, {.blind = false});
    is_safe(f);
    EXPECT_NE(f.moved, "") << "with the store everywhere it works, ...";
    EXPECT_EQ(all_of(replaced, {.steals = false}, {.blind = false}).moved, "") << "... if the carrier steals";
}

} // namespace
} // namespace z360::model
