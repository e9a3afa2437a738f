// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/credential/standing.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

using namespace z360;
using namespace z360::credential;

namespace {

constexpr time_point k_noon{millis{1'760'000'000'000}};
constexpr millis k_hour{3'600'000};

identity_life active_since(time_point t) {
    identity_life i;
    i.now_in = identity_state::active;
    i.created_at = t - millis{500};
    i.activated_at = t;
    return i;
}
standing at(std::vector<identity_life> all, time_point t) {
    return standing_at(all, t);
}

} // namespace

TEST(standing, be_41_an_identity_that_was_made_later_was_none_then_and_pending_while_it_was_made) {
    const auto i = active_since(k_noon);
    EXPECT_EQ(at({i}, k_noon), standing::usable);
    EXPECT_EQ(at({i}, k_noon - millis{1}), standing::pending);
    EXPECT_EQ(at({i}, k_noon - k_hour), standing::none);
    EXPECT_EQ(at({}, k_noon), standing::none);
}

TEST(standing, be_41_what_is_dead_now_was_usable_until_it_was_retired) {
    auto i = active_since(k_noon);
    i.now_in = identity_state::dead;
    i.retired_at = k_noon + k_hour;
    EXPECT_EQ(at({i}, k_noon + k_hour - millis{1}), standing::usable);
    EXPECT_EQ(at({i}, k_noon + k_hour), standing::retired);
    i.expires_at = k_noon + millis{10};
    EXPECT_EQ(at({i}, k_noon + millis{9}), standing::usable);
    EXPECT_EQ(at({i}, k_noon + millis{10}), standing::expired);
}

TEST(standing, one_whose_end_has_no_time_counts_as_retired_all_along) {
    auto i = active_since(k_noon);
    i.now_in = identity_state::dead;
    EXPECT_EQ(at({i}, k_noon + k_hour), standing::retired);
}

TEST(standing, cred_01_of_several_the_one_that_could_be_dialed_counts) {
    auto old = active_since(k_noon - k_hour);
    old.now_in = identity_state::rotating;
    auto next = active_since(k_noon + k_hour);
    next.created_at = k_noon - millis{1};
    EXPECT_EQ(at({old, next}, k_noon), standing::usable);
    old.expires_at = k_noon;
    EXPECT_EQ(at({old, next}, k_noon), standing::expired) << "that is why, not the new one on its way";
    identity_life gone = active_since(k_noon - 2 * k_hour);
    gone.retired_at = k_noon - k_hour;
    gone.now_in = identity_state::retiring;
    EXPECT_EQ(at({gone, next}, k_noon), standing::pending);
}

// Who is dialed is said by dialable() alone; of this very moment both must agree.
RC_GTEST_PROP(standing, cred_01_of_now_it_is_what_dialable_says, ()) {
    device d;
    d.last_seen = k_noon;
    std::vector<identity_life> lives;
    std::vector<identity_state> taken;
    const auto count = *rc::gen::inRange(0, 4);
    for (int n = 0; n < count; ++n) {
        identity i;
        i.id = identity_id{n + 1};
        i.now_in = static_cast<identity_state>(*rc::gen::inRange(0, 4)); // dead ones are not among a device's
        // The schema has at most one of each of these for a device.
        if (i.now_in != identity_state::retiring &&
            std::find(taken.begin(), taken.end(), i.now_in) != taken.end())
            continue;
        taken.push_back(i.now_in);
        i.created_at = k_noon - k_hour;
        const bool used = i.now_in != identity_state::pending;
        if (used && *rc::gen::arbitrary<bool>()) i.activated_at = k_noon - k_hour / 2;
        if (used && *rc::gen::arbitrary<bool>()) i.expires_at = k_noon + millis{*rc::gen::inRange(-2, 3)};
        if (*rc::gen::arbitrary<bool>()) i.delivered_at = k_noon - millis{5};
        if (used && *rc::gen::arbitrary<bool>()) i.proved_at = k_noon - millis{5};
        identity_life life{i.now_in, i.created_at, i.activated_at, i.expires_at, std::nullopt};
        if (i.now_in == identity_state::retiring) life.retired_at = k_noon - millis{7};
        lives.push_back(life);
        d.identities.push_back(std::move(i));
    }
    RC_ASSERT((standing_at(lives, k_noon) == standing::usable) == !dialable(d, k_noon).empty());
}
