// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_reply.hpp"

#include <gtest/gtest.h>

using z360::wire::parse_reply;

TEST(reply, a_dial_tells_the_new_leg) {
    EXPECT_EQ(
        parse_reply(R"({"data":{"call_control_id":"v3:new","is_alive":false}})").call_control_id, "v3:new"
    );
}

TEST(reply, the_first_error_is_read_with_its_code_as_text_or_number) {
    const auto r =
        parse_reply(R"({"errors":[{"code":"90018","title":"Call has already ended"},{"code":"1"}]})");
    EXPECT_EQ(r.error_code, "90018");
    EXPECT_EQ(r.error_title, "Call has already ended");
    EXPECT_EQ(parse_reply(R"({"errors":[{"code":90034}]})").error_code, "90034");
}

TEST(reply, whatever_is_not_understood_is_empty) {
    for (const char* body :
         {"", "null", "[]", "<html>", R"({"errors":{"status":"expired"}})", R"({"errors":[]})",
          R"({"errors":[7]})", R"({"data":null})", R"({"data":[]})",
          R"({"data":{"call_control_id":null}})"}) {
        const auto r = parse_reply(body);
        EXPECT_TRUE(r.call_control_id.empty() && r.error_code.empty()) << body;
    }
}
