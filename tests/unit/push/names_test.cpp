// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/state.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/message.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

using namespace z360;
using namespace z360::push;

TEST(push_names, each_kind_and_reason_is_read_back_from_its_word) {
    std::set<std::string_view> seen;
    for (int i = 0; i < k_kind_count; ++i) {
        const auto k = static_cast<kind>(i);
        EXPECT_NE(name(k), "?");
        EXPECT_EQ(kind_named(name(k)), k);
        EXPECT_TRUE(seen.insert(name(k)).second) << name(k);
    }
    for (int i = 0; i < k_ended_reason_count; ++i) {
        const auto r = static_cast<ended_reason>(i);
        EXPECT_NE(name(r), "?");
        EXPECT_EQ(ended_reason_named(name(r)), r);
    }
    EXPECT_FALSE(kind_named("incoming"));
    EXPECT_FALSE(kind_named(""));
    EXPECT_FALSE(ended_reason_named("?"));
}

TEST(push_names, reasons_are_spelled_as_a_leg_is_let_go_for) {
    using call::release_reason;
    for (const auto r :
         {release_reason::answered_elsewhere, release_reason::caller_gone, release_reason::ring_timeout,
          release_reason::bridge_failed, release_reason::call_over, release_reason::device_removed,
          release_reason::none})
        EXPECT_TRUE(ended_reason_named(call::name(r))) << call::name(r);
}

TEST(push_names, calls_come_before_their_ends_then_messages_then_what_may_wait) {
    EXPECT_LT(lane_of(kind::incoming_call), lane_of(kind::call_ended));
    EXPECT_LT(lane_of(kind::call_ended), lane_of(kind::missed_call));
    EXPECT_EQ(lane_of(kind::missed_call), lane_of(kind::business));
    EXPECT_LT(lane_of(kind::business), lane_of(kind::session_warning));
    EXPECT_EQ(lane_of(kind::push_token_required), lane::sync);
}

TEST(push_names, mob_01_nothing_but_a_ringing_call_goes_to_a_pushkit_token) {
    for (int i = 0; i < k_kind_count; ++i) {
        const auto k = static_cast<kind>(i);
        EXPECT_EQ(may_go(k, token_kind::voip), k == kind::incoming_call) << name(k);
        EXPECT_TRUE(may_go(k, token_kind::alert));
        EXPECT_TRUE(may_go(k, token_kind::fcm_token));
        EXPECT_TRUE(may_go(k, token_kind::fcm_fid));
    }
}

TEST(push_names, an_environment_is_a_known_word_or_unknown) {
    EXPECT_EQ(environment_named("production"), environment::production);
    EXPECT_EQ(environment_named("sandbox"), environment::sandbox);
    for (const char* odd : {"", "Production", "development", "prod", " sandbox"})
        EXPECT_EQ(environment_named(odd), environment::unknown) << odd;
    // An unknown one was tried as production.
    EXPECT_EQ(other(environment::unknown), environment::sandbox);
    EXPECT_EQ(other(environment::production), environment::sandbox);
    EXPECT_EQ(other(environment::sandbox), environment::production);
}

TEST(push_names, be_14_the_same_push_has_the_same_id_on_every_node_and_no_other_has_it) {
    message m;
    m.call.id = call_id{derive_uuid("a call")};
    const auto first = push_id(m, device_id{7});
    EXPECT_EQ(push_id(m, device_id{7}), first);
    m.call.caller_name = "Ada"; // what it says does not matter
    m.seq = 9;
    EXPECT_EQ(push_id(m, device_id{7}), first);
    EXPECT_NE(push_id(m, device_id{8}), first);
    m.what = kind::call_ended;
    EXPECT_NE(push_id(m, device_id{7}), first);
    m.what = kind::incoming_call;
    m.call.id = call_id{derive_uuid("another")};
    EXPECT_NE(push_id(m, device_id{7}), first);

    message notice;
    notice.what = kind::session_warning;
    notice.occasion = "2026-01-31";
    const auto today = push_id(notice, device_id{7});
    notice.occasion = "2026-02-25";
    EXPECT_NE(push_id(notice, device_id{7}), today);
    const auto text = today.text();
    EXPECT_EQ(text.size(), 36U);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef-"), std::string::npos);
}
