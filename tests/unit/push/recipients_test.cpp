// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which token a push goes to.
#include <z360/push/recipients.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

constexpr time_point k_now{1'780'000'000'000ms};

token_ref token(token_kind is, millis age = 1h, bool dead = false) {
    return {is, k_now - age, dead};
}
using tokens = std::vector<token_ref>;

/// Name of the kind that such a push goes to; empty: there is none for it.
std::string goes_to(kind k, const tokens& all) {
    const auto place = token_for(k, all);
    return place ? std::string(name(all.at(*place).is)) : std::string();
}

constexpr kind k_kinds[] = {kind::incoming_call,   kind::call_ended,          kind::missed_call,
                            kind::session_warning, kind::push_token_required, kind::business};

} // namespace

TEST(recipients, mob_01_a_ring_wakes_a_phone_by_its_best_token) {
    const auto voip = token(token_kind::voip);
    const auto alert = token(token_kind::alert);
    const auto google = token(token_kind::fcm_token);
    EXPECT_EQ(goes_to(kind::incoming_call, {alert, google, voip}), "voip");
    EXPECT_EQ(goes_to(kind::incoming_call, {google, alert}), "alert");
    EXPECT_EQ(goes_to(kind::incoming_call, {google}), "fcm_token");
    EXPECT_EQ(goes_to(kind::incoming_call, {token(token_kind::fcm_fid)}), "fcm_fid");
}

TEST(recipients, be_46_an_iphone_without_a_pushkit_token_gets_an_alert) {
    EXPECT_EQ(goes_to(kind::incoming_call, {token(token_kind::alert)}), "alert");
    const tokens dead_voip{token(token_kind::voip, 1h, true), token(token_kind::alert)};
    EXPECT_EQ(goes_to(kind::incoming_call, dead_voip), "alert");
    // A PushKit push that cannot be delivered has a fallback, and then there is none.
    const tokens both{token(token_kind::alert), token(token_kind::voip)};
    EXPECT_EQ(token_for(kind::incoming_call, both), 1U);
    EXPECT_EQ(token_for(kind::incoming_call, both, {token_kind::voip}), 0U);
    EXPECT_FALSE(token_for(kind::incoming_call, both, {token_kind::voip, token_kind::alert}));
}

TEST(recipients, be_14_what_is_refused_for_our_settings_is_tried_at_the_other_token) {
    const auto voip = token(token_kind::voip);
    const auto alert = token(token_kind::alert);
    const auto google = token(token_kind::fcm_token);
    for (const auto why : {refusal::dead_token, refusal::request}) {
        EXPECT_TRUE(worth_a_try(why, voip, alert));
        EXPECT_TRUE(worth_a_try(why, alert, google));
    }
}

TEST(recipients, be_14_a_credential_that_is_refused_is_shown_to_another_service_alone) {
    const auto at = [](token_kind is, environment e) { return token_ref{is, k_now, false, e}; };
    const auto voip = at(token_kind::voip, environment::production);
    EXPECT_FALSE(worth_a_try(refusal::credential, voip, at(token_kind::alert, environment::production)));
    EXPECT_FALSE(worth_a_try(refusal::credential, voip, at(token_kind::alert, environment::unknown)))
        << "which is production until it is known";
    EXPECT_TRUE(worth_a_try(refusal::credential, voip, at(token_kind::alert, environment::sandbox)));
    EXPECT_TRUE(worth_a_try(refusal::credential, voip, token(token_kind::fcm_token)));
    EXPECT_FALSE(worth_a_try(refusal::credential, token(token_kind::fcm_fid), token(token_kind::fcm_token)));
}

TEST(recipients, be_46_a_device_without_a_living_token_gets_nothing) {
    for (const auto k : k_kinds) {
        EXPECT_EQ(goes_to(k, {}), "") << name(k);
        EXPECT_EQ(goes_to(k, {token(token_kind::fcm_token, 1h, true)}), "") << name(k);
    }
}

TEST(recipients, mob_02_of_two_forms_of_an_address_the_newer_one_counts) {
    const auto in = [](millis fid, millis plain) {
        return goes_to(
            kind::incoming_call, {token(token_kind::fcm_fid, fid), token(token_kind::fcm_token, plain)}
        );
    };
    EXPECT_EQ(in(2h, 1h), "fcm_token");
    EXPECT_EQ(in(1h, 2h), "fcm_fid");
    EXPECT_EQ(in(1h, 1h), "fcm_fid");
    const tokens two{token(token_kind::voip, 2h), token(token_kind::voip, 1h)};
    EXPECT_EQ(token_for(kind::incoming_call, two), 1U);
}

TEST(recipients, mob_01_nothing_but_a_ring_ever_goes_to_a_pushkit_token) {
    const auto voip = token(token_kind::voip);
    for (const auto k : k_kinds) {
        const bool ring = k == kind::incoming_call;
        EXPECT_EQ(goes_to(k, {voip}), ring ? "voip" : "") << name(k);
        EXPECT_EQ(goes_to(k, {voip, token(token_kind::alert)}), ring ? "voip" : "alert") << name(k);
    }
}
