// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

using namespace z360;
using namespace z360::call;

TEST(call_endpoint, web_04_a_party_is_of_one_kind_and_keeps_its_text) {
    for (const auto& [text, kind] : std::initializer_list<std::pair<const char*, const char*>>{
             {"+15550100001", "e164"},
             {"+1234567", "e164"},
             {"+123456789012345", "e164"},
             {"+123456", "unnamed"},
             {"+1234567890123456", "unnamed"},
             {"+1555010000a", "unnamed"},
             {"15550100001", "unnamed"},
             {"sip:ada@example.com", "sip_uri"},
             {"withheld", "unnamed"},
             {"911", "unnamed"},
             {"", "unnamed"},
         }) {
        const auto e = endpoint_of(text);
        EXPECT_EQ(kind_of(e), kind) << text;
        EXPECT_EQ(text_of(e), text);
    }
    const endpoint device = target{.device = {1}, .sip_username = "gencred1"};
    EXPECT_EQ(kind_of(device), "identity");
    EXPECT_EQ(text_of(device), "gencred1");
}

TEST(call_endpoint, be_20_everybody_in_a_call_is_a_leg_with_an_id_and_a_role) {
    auto what = z360::testing::sample_incoming(2);
    what.from = "sip:ada@example.com";
    const auto s = begin(what, time_point{millis{1}}).next;
    EXPECT_EQ(s.caller.role, leg_role::caller);
    EXPECT_EQ(s.caller.id, caller_leg_id(s.id));
    EXPECT_EQ(s.caller.to, endpoint(sip_uri{"sip:ada@example.com"}));
    EXPECT_EQ(s.caller.device(), device_id{});
    EXPECT_TRUE(s.caller.alive());
    EXPECT_EQ(s.find(s.caller.id), nullptr) << "not one that we dialed";
    for (const auto& l : s.legs) {
        EXPECT_EQ(l.role, leg_role::device);
        EXPECT_NE(l.id, s.caller.id);
        EXPECT_TRUE(l.goes_to() != nullptr && l.device() == l.goes_to()->device);
    }
    EXPECT_EQ(begin(what, time_point{millis{9}}).next.caller.id, s.caller.id) << "on every node the same";
}

TEST(call_endpoint, i_10_what_is_told_of_a_leg_is_the_same_fact_whoever_is_at_its_end) {
    const auto rung = begin(z360::testing::sample_incoming(1), time_point{millis{1}}).next;
    const auto told = [&](const leg_ref& who) {
        auto s = rung;
        for (const event& e :
             {event{leg_answered{who}}, event{leg_bridged{who}},
              event{leg_hold{who, true, time_point{millis{5}}}}, event{leg_hangup{who, "normal_clearing"}}})
            s = decide(s, e, time_point{millis{10}}).next;
        return s;
    };
    const auto by_caller = told({"v3:caller", std::nullopt}).caller;
    const auto by_device = told({"v3:d1", rung.legs[0].id}).legs[0];
    for (const auto& l : {by_caller, by_device}) {
        EXPECT_TRUE(l.answered && l.bridged && l.ended) << name(l.role);
        EXPECT_TRUE(l.hold.held && l.hold.at == time_point{millis{5}}) << name(l.role);
        EXPECT_EQ(l.hangup_cause, "normal_clearing") << name(l.role);
    }
    EXPECT_EQ(by_caller.answer_order, 0U) << "devices alone are in the race";
    EXPECT_EQ(by_device.answer_order, 1U);
}
