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
    ASSERT_TRUE(w->what);
    const auto* what = std::get_if<call::ring_withdrawn>(&*w->what);
    ASSERT_NE(what, nullptr);
    EXPECT_EQ(what->devices, (std::vector<device_id>{{7}, {12}}));
    EXPECT_FALSE(what->busy);
}

TEST(own_event, state_02_whoever_talks_elsewhere_is_busy_and_not_withdrawn) {
    const auto w = read_own_event(R"({"devices": [7], "busy": true, "call_session_id": "s-1"})");
    ASSERT_TRUE(w && w->what);
    EXPECT_TRUE(std::get<call::ring_withdrawn>(*w->what).busy);
}

namespace {

const call_id k_call{*uuid::parse("0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00")};

call::device_asks asks(call::request_kind what, std::int64_t device = 12) {
    call::device_asks out{what, "request-1", device_id{device}, time_point{millis{1'800'000'005'000}}, {}};
    if (what == call::request_kind::ring)
        out.at = {
            {device_id{device}, identity_id{7}, "gencred7", "Ada's \"phone\"", "ios", user_id{5}},
            {device_id{device}, identity_id{8}, "gencred8", "", "android"}
        };
    return out;
}

} // namespace

TEST(own_event, b_03_a_request_is_read_as_it_was_written) {
    for (int k = 0; k < call::k_request_count; ++k) {
        const auto e = asks(static_cast<call::request_kind>(k));
        const auto r = read_own_event(wire::write_request(k_call, "s-\"1\"", e));
        ASSERT_TRUE(r);
        EXPECT_EQ(r->call, k_call);
        EXPECT_EQ(r->call_session_id, "s-\"1\"");
        EXPECT_EQ(r->until, e.until);
        ASSERT_TRUE(r->what);
        const auto* got = call::request_of(*r->what);
        ASSERT_NE(got, nullptr);
        EXPECT_EQ(got->what, e.what);
        EXPECT_EQ(got->id, e.id);
        EXPECT_EQ(got->device, e.device);
        EXPECT_EQ(got->until, e.until);
        EXPECT_EQ(got->at, e.at);
    }
    EXPECT_EQ(wire::request_type(call::request_kind::decline), "own.decline");
    EXPECT_EQ(wire::request_type(call::request_kind::answered), "own.answered");
    EXPECT_EQ(wire::request_type(call::request_kind::ring), "own.ring");
}

TEST(own_event, b_03_asked_again_it_is_the_same_event_whatever_its_deadline) {
    const auto body = [](std::int64_t device, std::int64_t until) {
        auto e = asks(call::request_kind::decline, device);
        e.until = time_point{millis{until}};
        return wire::write_request(k_call, "s", e);
    };
    EXPECT_TRUE(wire::same_event(body(1, 5), body(1, 9)));
    EXPECT_FALSE(wire::same_event(body(1, 5), body(2, 5)));
}

TEST(own_event, cred_01_asked_again_with_another_identity_it_is_the_same_event) {
    const auto first = asks(call::request_kind::ring);
    auto again = first;
    again.at.pop_back();
    EXPECT_TRUE(
        wire::same_event(wire::write_request(k_call, "s", first), wire::write_request(k_call, "s", again))
    );
}

// Left for a node of that program; this one must not take it for none.
TEST(own_event, a_request_of_a_kind_that_only_a_newer_program_knows_says_until_when_it_counts) {
    const auto r = read_own_event(
        R"({"data":{"kind":"fly","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":1},"meta":{"until":7}})"
    );
    ASSERT_TRUE(r);
    EXPECT_FALSE(r->what);
    EXPECT_EQ(r->call, k_call);
    EXPECT_EQ(r->until, time_point{millis{7}});
}

TEST(own_event, a_request_to_ring_without_places_that_can_be_read_is_none) {
    const auto good = wire::write_request(k_call, "s", asks(call::request_kind::ring));
    ASSERT_TRUE(read_own_event(good));
    const auto broken = [&good](std::string_view from, std::string_view to) {
        auto text = good;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    for (const auto& body :
         {broken(R"("at":[)", R"("un":[)"), broken(R"("identity":7)", R"("identity":"7")"),
          broken(R"("identity":7)", R"("identity":0)"),
          broken(R"("sip_username":"gencred7")", R"("sip_username":"")"),
          broken(R"("sip_username":"gencred7")", R"("sip_username":7)"), broken("\"at\":[{", "\"at\":[1,{")})
        EXPECT_FALSE(read_own_event(body)) << body;
}

TEST(own_event, what_is_none_is_refused) {
    for (const char* body :
         {"", "null", "[]", "{}", R"({"devices":[1]})", R"({"call_session_id":"s"})",
          R"({"call_session_id":1,"devices":[1]})", R"({"call_session_id":"s","devices":1})",
          R"({"call_session_id":"s","devices":["1"]})", R"({"call_session_id":"s","devices":[1.5]})",
          R"({"data":1,"meta":{}})", R"({"data":{},"meta":{}})",
          R"({"data":{"kind":"decline"},"meta":{"until":1}})",
          R"({"data":{"kind":"","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":1},"meta":{"until":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"no","device":1},"meta":{"until":1}})",
          R"({"data":{"kind":"decline","request":"r","call_id":"0b0c8f52-1f6e-4a5b-9d39-2f0f5d0a7c00","device":"1"},"meta":{"until":1}})"
         })
        EXPECT_FALSE(read_own_event(body)) << body;
}
