// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/own_event.hpp"

#include <gtest/gtest.h>

using namespace z360;
using wire::read_withdrawal;

TEST(own_event, b_28_a_withdrawal_names_its_call_and_its_devices) {
    const auto w = read_withdrawal(R"({"devices": [7, 12], "call_session_id": "s-1"})");
    ASSERT_TRUE(w);
    EXPECT_EQ(w->call_session_id, "s-1");
    EXPECT_EQ(w->what.devices, (std::vector<device_id>{{7}, {12}}));
}

TEST(own_event, what_is_none_is_refused) {
    for (const char* body :
         {"", "null", "[]", "{}", R"({"devices":[1]})", R"({"call_session_id":"s"})",
          R"({"call_session_id":1,"devices":[1]})", R"({"call_session_id":"s","devices":1})",
          R"({"call_session_id":"s","devices":["1"]})", R"({"call_session_id":"s","devices":[1.5]})"})
        EXPECT_FALSE(read_withdrawal(body)) << body;
}
