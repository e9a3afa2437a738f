// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who gets which push.
#include <z360/push/recipients.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

constexpr time_point k_now{1'780'000'000'000ms};
constexpr org_id k_org{3};
constexpr org_id k_other_org{4};

token_ref token(token_kind is, millis age = 1h, bool dead = false) {
    return {is, k_now - age, dead};
}
device_facts device(std::int64_t id, std::vector<token_ref> tokens) {
    device_facts d;
    d.device = device_id{id};
    d.tokens = std::move(tokens);
    return d;
}
device_facts iphone(std::int64_t id) {
    return device(id, {token(token_kind::alert), token(token_kind::voip)});
}
device_facts android(std::int64_t id) {
    return device(id, {token(token_kind::fcm_token)});
}
device_facts notified(device_facts d) {
    d.notified = true;
    return d;
}

/// "7 call_ended alert", one a push.
std::vector<std::string> texts(const std::vector<delivery>& all, const std::vector<device_facts>& devices) {
    std::vector<std::string> out;
    for (const auto& x : all)
        for (const auto& d : devices)
            if (d.device == x.device)
                out.push_back(
                    std::to_string(x.device.value) + " " + std::string(name(x.what)) + " " +
                    std::string(name(d.tokens.at(x.token).is))
                );
    return out;
}
std::vector<std::string> at_ring(const std::vector<device_facts>& devices, time_point now = k_now) {
    return texts(pushes_at_ring({k_org, k_now + 30s, devices}, now), devices);
}
std::vector<std::string>
at_end(ended_reason why, const std::vector<device_facts>& devices, std::int64_t winner = 0) {
    return texts(pushes_at_end({k_org, why, device_id{winner}, devices}), devices);
}

constexpr ended_reason k_reasons[] = {
    ended_reason::answered_elsewhere, ended_reason::caller_gone, ended_reason::ring_timeout,
    ended_reason::bridge_failed,      ended_reason::call_over,   ended_reason::declined,
    ended_reason::device_removed,
};

} // namespace

TEST(recipients, mob_01_a_ring_wakes_each_device_by_one_push_to_its_best_token) {
    EXPECT_THAT(
        at_ring({iphone(1), android(2), device(3, {token(token_kind::fcm_fid)})}),
        ElementsAre("1 incoming_call voip", "2 incoming_call fcm_token", "3 incoming_call fcm_fid")
    );
}

TEST(recipients, be_46_an_iphone_without_a_pushkit_token_gets_an_alert) {
    EXPECT_THAT(at_ring({device(1, {token(token_kind::alert)})}), ElementsAre("1 incoming_call alert"));
    EXPECT_THAT(
        at_ring({device(1, {token(token_kind::voip, 1h, true), token(token_kind::alert)})}),
        ElementsAre("1 incoming_call alert")
    );
    const auto d = iphone(1);
    // A PushKit push that cannot be delivered has a fallback, and then there is none.
    EXPECT_EQ(token_for(kind::incoming_call, d.tokens), 1U);
    EXPECT_EQ(token_for(kind::incoming_call, d.tokens, {token_kind::voip}), 0U);
    EXPECT_FALSE(token_for(kind::incoming_call, d.tokens, {token_kind::voip, token_kind::alert}));
}

TEST(recipients, be_46_a_device_without_a_living_token_gets_nothing) {
    EXPECT_THAT(at_ring({device(1, {}), device(2, {token(token_kind::fcm_token, 1h, true)})}), IsEmpty());
    EXPECT_THAT(at_end(ended_reason::caller_gone, {notified(device(1, {}))}), IsEmpty());
}

TEST(recipients, mob_02_of_two_forms_of_an_address_the_newer_one_counts) {
    EXPECT_THAT(
        at_ring({device(1, {token(token_kind::fcm_fid, 2h), token(token_kind::fcm_token, 1h)})}),
        ElementsAre("1 incoming_call fcm_token")
    );
    EXPECT_THAT(
        at_ring({device(1, {token(token_kind::fcm_token, 2h), token(token_kind::fcm_fid, 1h)})}),
        ElementsAre("1 incoming_call fcm_fid")
    );
    EXPECT_THAT(
        at_ring({device(1, {token(token_kind::fcm_token, 1h), token(token_kind::fcm_fid, 1h)})}),
        ElementsAre("1 incoming_call fcm_fid")
    );
    const auto two = device(1, {token(token_kind::voip, 2h), token(token_kind::voip, 1h)});
    EXPECT_EQ(token_for(kind::incoming_call, two.tokens), 1U);
}

TEST(recipients, mob_16_no_ring_push_at_or_after_the_deadline) {
    EXPECT_THAT(at_ring({android(1)}, k_now + 29'999ms), ElementsAre("1 incoming_call fcm_token"));
    EXPECT_THAT(at_ring({android(1)}, k_now + 30s), IsEmpty());
    EXPECT_THAT(at_ring({android(1)}, k_now + 1h), IsEmpty());
}

TEST(recipients, mob_11_a_device_is_woken_once_for_a_call) {
    EXPECT_THAT(at_ring({notified(iphone(1)), notified(android(2))}), IsEmpty());
    auto declined = android(3);
    declined.dismissed = true;
    EXPECT_THAT(at_ring({declined}), IsEmpty());
}

TEST(recipients, be_18_a_device_of_another_organisation_is_not_rung) {
    auto theirs = android(1);
    theirs.bound_to = k_other_org;
    auto ours = android(2);
    ours.bound_to = k_org;
    EXPECT_THAT(
        at_ring({theirs, ours, android(3)}),
        ElementsAre("2 incoming_call fcm_token", "3 incoming_call fcm_token")
    );
    auto gone = android(4);
    gone.eligible = false;
    auto unwilling = android(5);
    unwilling.wanted = false;
    EXPECT_THAT(at_ring({gone, unwilling}), IsEmpty());
}

TEST(recipients, be_18_an_end_is_told_only_to_who_was_notified_of_this_call) {
    EXPECT_THAT(
        at_end(
            ended_reason::answered_elsewhere,
            {notified(android(1)), android(2), notified(iphone(3)), iphone(4)}, 9
        ),
        ElementsAre("1 call_ended fcm_token", "3 call_ended alert")
    );
}

TEST(recipients, be_30_the_winner_is_never_told_that_the_call_is_over) {
    for (const auto why : k_reasons)
        for (const auto& d : {notified(android(1)), notified(iphone(1))})
            EXPECT_THAT(at_end(why, {d}, 1), IsEmpty()) << name(why);
}

TEST(recipients, mob_01_an_end_never_goes_to_a_pushkit_token) {
    const auto only_voip = notified(device(1, {token(token_kind::voip)}));
    for (const auto why : k_reasons) {
        EXPECT_THAT(at_end(why, {only_voip}), IsEmpty()) << name(why);
        for (const auto& x : pushes_at_end({k_org, why, {}, {notified(iphone(1))}}))
            EXPECT_EQ(x.token, 0U) << name(why); // the alert token
    }
}

TEST(recipients, mob_16_who_has_stopped_already_is_left_alone) {
    auto acked = notified(android(1));
    acked.dismissed = true;
    auto told = notified(android(2));
    told.told = true;
    EXPECT_THAT(at_end(ended_reason::answered_elsewhere, {acked, told}, 9), IsEmpty());
    // Told that its ring is over, it may still hear that the call was missed.
    EXPECT_THAT(at_end(ended_reason::caller_gone, {acked, told}), ElementsAre("2 missed_call fcm_token"));
}

TEST(recipients, and_14_a_missed_call_is_told_once_to_all_who_could_have_answered) {
    EXPECT_THAT(
        at_end(
            ended_reason::ring_timeout, {notified(android(1)), android(2), notified(iphone(3)), iphone(4)}
        ),
        ElementsAre(
            "1 call_ended fcm_token", "1 missed_call fcm_token", // stops ringing, and shows it
            "2 missed_call fcm_token", "3 missed_call alert",    // one alert, not two
            "4 missed_call alert"
        )
    );
}

TEST(recipients, and_14_what_was_answered_or_declined_is_not_missed) {
    for (const auto why : {ended_reason::answered_elsewhere, ended_reason::call_over, ended_reason::declined})
        for (const auto& x : pushes_at_end({k_org, why, {}, {notified(android(1)), android(2), iphone(3)}}))
            EXPECT_NE(x.what, kind::missed_call) << name(why);
    // A winner, whatever the reason says.
    EXPECT_THAT(at_end(ended_reason::caller_gone, {android(1)}, 9), IsEmpty());
}

TEST(recipients, be_18_a_missed_call_of_one_organisation_is_not_told_to_another) {
    auto theirs = android(1);
    theirs.bound_to = k_other_org;
    auto gone = notified(android(2)); // removed in the middle of the ring: it must stop, and hears no more
    gone.eligible = false;
    EXPECT_THAT(at_end(ended_reason::caller_gone, {theirs, gone}), ElementsAre("2 call_ended fcm_token"));
}

TEST(recipients, without_a_reason_nothing_has_ended) {
    EXPECT_THAT(at_end(ended_reason::none, {notified(android(1)), notified(iphone(2))}), IsEmpty());
}

TEST(recipients, the_reason_comes_along) {
    for (const auto why : k_reasons)
        for (const auto& x : pushes_at_end({k_org, why, device_id{9}, {notified(android(1))}}))
            EXPECT_EQ(x.reason, why);
}
