// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/web_sessions.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

using namespace z360::sim;

TEST(web_session, is_told_to_who_brings_its_cookie) {
    web_sessions w;
    w.put("abc", json{{"user_id", 7}, {"organization_id", 1}, {"name", "Alice"}});
    const auto r = w.introspect("theme=dark; session=abc; x=1");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body["active"], true);
    EXPECT_EQ(r.body["user_id"], 7);
    EXPECT_EQ(r.body["organization_id"], 1);
    EXPECT_EQ(r.body["name"], "Alice");
    EXPECT_EQ(r.body["session_id"].get<std::string>().size(), 36U);
    EXPECT_EQ(r.body.dump().find("abc"), std::string::npos) << "the cookie itself is not repeated";
    for (const char* cookie : {"", "session=", "session=ab", "session=abcd", "xsession=abc", "abc"})
        EXPECT_EQ(w.introspect(cookie).status, 401) << cookie;
    EXPECT_EQ(w.introspect("session=ab").body, json::parse(R"({"active":false})"));
}

TEST(web_session, ends_and_counts_its_questions) {
    web_sessions w;
    w.put("abc", json{{"user_id", 7}, {"organization_id", 1}, {"session_id", "s1"}});
    EXPECT_EQ(w.introspect("session=abc").body["session_id"], "s1");
    EXPECT_TRUE(w.end("abc"));
    EXPECT_FALSE(w.end("abc"));
    EXPECT_EQ(w.introspect("session=abc").status, 401);
    EXPECT_EQ(w.asked("abc"), 2U);
    EXPECT_EQ(w.asked("other"), 0U);
    w.break_down(503);
    EXPECT_EQ(w.introspect("session=abc").status, 503);
    w.break_down(0);
    EXPECT_EQ(w.introspect("session=abc").status, 401);
    EXPECT_EQ(w.asked_in_all(), 4U);
    EXPECT_EQ(w.to_json()["asked"]["abc"], 4);
}

TEST(web_session, needs_a_person_and_an_organisation) {
    web_sessions w;
    EXPECT_THROW(w.put("abc", json{{"user_id", 7}}), std::invalid_argument);
    EXPECT_THROW(w.put("abc", json{{"user_id", "7"}, {"organization_id", 1}}), std::invalid_argument);
    EXPECT_THROW(w.put("a;b", json{{"user_id", 7}, {"organization_id", 1}}), std::invalid_argument);
}
