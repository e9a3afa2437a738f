// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/own_event.hpp"
#include "wire/telnyx_webhook.hpp"

#include <gtest/gtest.h>

using namespace z360;
using wire::read_own_event;

TEST(own_event, b_28_a_withdrawal_names_its_call_and_its_devices) {
    const auto w = read_own_event(R"({"devices": [7, 12], "call_session_id": "s-1"})");
    ASSERT_TRUE(w);
    EXPECT_EQ(w->call_session_id, "s-1");
    EXPECT_FALSE(w->call);
    const auto* what = std::get_if<call::ring_withdrawn>(&w->what);
    ASSERT_NE(what, nullptr);
    EXPECT_EQ(what->devices, (std::vector<device_id>{{7}, {12}}));
}

TEST(own_event, b_03_a_request_is_read_as_it_was_written) {
    const call_id call{*uuid::parse("0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00")};
    const call::asked by{"request-1", device_id{12}, time_point{millis{1'800'000'005'000}}};
    for (const call::event& e :
         {call::event{call::device_declines{by}}, call::event{call::device_says_answered{by}}}) {
        const auto r = read_own_event(wire::write_request(call, "s-\"1\"", e));
        ASSERT_TRUE(r);
        EXPECT_EQ(r->call, call);
        EXPECT_EQ(r->call_session_id, "s-\"1\"");
        ASSERT_EQ(r->what.index(), e.index());
        const auto* got = call::request_of(r->what);
        ASSERT_NE(got, nullptr);
        EXPECT_EQ(got->id, by.id);
        EXPECT_EQ(got->device, by.device);
        EXPECT_EQ(got->until, by.until);
    }
    EXPECT_EQ(wire::request_type(call::device_declines{by}), "own.decline");
    EXPECT_EQ(wire::request_type(call::device_says_answered{by}), "own.answered");
}

TEST(own_event, b_03_asked_again_it_is_the_same_event_whatever_its_deadline) {
    const call_id call{*uuid::parse("0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00")};
    const auto body = [&](std::int64_t device, std::int64_t until) {
        return wire::write_request(
            call, "s", call::device_declines{{"request-1", device_id{device}, time_point{millis{until}}}}
        );
    };
    EXPECT_TRUE(wire::same_event(body(1, 5), body(1, 9)));
    EXPECT_FALSE(wire::same_event(body(1, 5), body(2, 5)));
}

TEST(own_event, what_is_none_is_refused) {
    for (const char* body :
         {"", "null", "[]", "{}", R"({"devices":[1]})", R"({"call_session_id":"s"})",
          R"({"call_session_id":1,"devices":[1]})", R"({"call_session_id":"s","devices":1})",
          R"({"call_session_id":"s","devices":["1"]})", R"({"call_session_id":"s","devices":[1.5]})",
          R"({"data":1,"meta":{}})", R"({"data":{},"meta":{}})",
          R"({"data":{"kind":"decline"},"meta":{"until":1}})",
          R"({"data":{"kind":"fly","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":1},"meta":{"until":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"no","device":1},"meta":{"until":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":"1"},"meta":{"until":1}})"
         })
        EXPECT_FALSE(read_own_event(body)) << body;
}
