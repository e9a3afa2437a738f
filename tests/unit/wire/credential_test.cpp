// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/telnyx_credential.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace z360;
using namespace z360::wire;
using nlohmann::json;

namespace {

const time_point k_end{std::chrono::milliseconds{1'800'000'000'123}};

json entry(const std::string& id) {
    return json{
        {"record_type", "credential"},
        {"id", id},
        {"name", "z360-test-one"},
        {"tag", "z360-test-u7"},
        {"resource_id", "connection:804252963366242252"},
        {"sip_username", "gencredOne"},
        {"sip_password", "0123456789abcdef0123456789abcdef"},
        {"expired", false},
        {"expires_at", "2042-06-18T21:32:38"},
        {"created_at", "2020-06-18T21:32:38.500Z"},
        {"user_id", "u"},
    };
}

} // namespace

TEST(credential_request, be_05_a_create_says_where_who_and_until_when) {
    const auto r = create_credential({"z360-test-one", "z360-test-u7", "27", k_end});
    EXPECT_EQ(r.method, "POST");
    EXPECT_EQ(r.path, "/telephony_credentials");
    EXPECT_EQ(
        r.body, R"({"connection_id":"27","name":"z360-test-one","tag":"z360-test-u7",)"
                R"("expires_at":"2027-01-15T08:00:00.123Z"})"
    );
}

TEST(credential_request, the_others_address_one_by_its_id) {
    EXPECT_EQ(get_credential("a/b").path, "/telephony_credentials/a%2Fb");
    EXPECT_EQ(remove_credential("a").method, "DELETE");
    EXPECT_EQ(mint_credential_token("a").path, "/telephony_credentials/a/token");
    EXPECT_TRUE(mint_credential_token("a").body.empty());
    const auto r = extend_credential("a", k_end);
    EXPECT_EQ(r.method, "PATCH");
    EXPECT_EQ(r.body, R"({"expires_at":"2027-01-15T08:00:00.123Z"})");
}

TEST(credential_request, filters_and_pages_are_encoded) {
    EXPECT_EQ(
        find_credentials("a b&c", 1).path,
        "/telephony_credentials?filter%5Bname%5D=a%20b%26c&page%5Bnumber%5D=1&page%5Bsize%5D=250"
    );
    EXPECT_EQ(
        list_credentials("27", 3).path,
        "/telephony_credentials?filter%5Bresource_id%5D=connection%3A27&page%5Bnumber%5D=3"
        "&page%5Bsize%5D=250"
    );
}

TEST(credential_reply, tells_everything_that_is_used) {
    const auto c = parse_credential(json{{"data", entry("c1")}}.dump());
    ASSERT_TRUE(c);
    EXPECT_EQ(c->id, "c1");
    EXPECT_EQ(c->name, "z360-test-one");
    EXPECT_EQ(c->tag, "z360-test-u7");
    EXPECT_EQ(c->sip_username, "gencredOne");
    EXPECT_EQ(c->sip_password.reveal(), "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(c->connection_id, "804252963366242252");
    EXPECT_FALSE(c->expired);
    EXPECT_EQ(c->expires_at, parse_iso8601("2042-06-18T21:32:38Z")) << "no zone means UTC";
    EXPECT_EQ(c->created_at, parse_iso8601("2020-06-18T21:32:38.5Z"));
}

TEST(credential_reply, survives_what_is_missing_or_strange) {
    for (const char* body :
         {"", "null", "[]", "{}", "<html>", R"({"data":null})", R"({"data":[]})", R"({"data":{}})",
          R"({"data":{"id":null}})", R"({"data":{"id":""}})", R"({"data":{"sip_password":"x"}})"})
        EXPECT_FALSE(parse_credential(body)) << body;
    const auto c = parse_credential(
        R"({"data":{"id":7,"name":null,"expired":"yes","expires_at":"soon","resource_id":5}})"
    );
    ASSERT_TRUE(c);
    EXPECT_EQ(c->id, "7");
    EXPECT_TRUE(c->name.empty());
    EXPECT_TRUE(c->sip_password.empty());
    EXPECT_FALSE(c->expired);
    EXPECT_FALSE(c->expires_at);
}

TEST(credential_reply, lists_tell_whether_more_follow) {
    const auto list = [](std::size_t n, json meta) {
        json data = json::array();
        for (std::size_t i = 0; i < n; ++i)
            data.push_back(entry("c" + std::to_string(i)));
        json body{{"data", std::move(data)}};
        if (!meta.is_null()) body["meta"] = std::move(meta);
        return parse_credentials(body.dump());
    };
    EXPECT_TRUE(list(2, json{{"page_number", 1}, {"total_pages", 2}})->more);
    EXPECT_FALSE(list(2, json{{"page_number", 2}, {"total_pages", 2}})->more);
    EXPECT_FALSE(list(0, json{{"page_number", 1}, {"total_pages", 0}})->more);
    EXPECT_FALSE(list(249, json{})->more);
    EXPECT_TRUE(list(250, json{})->more) << "a full page without figures";
    EXPECT_EQ(list(3, json{})->items.size(), 3U);
    EXPECT_EQ(parse_credentials(R"({"data":[7,{"name":"x"},{"id":"a"}]})")->items.size(), 1U);
    for (const char* body : {"", "{}", R"({"data":{}})", R"({"errors":[]})"})
        EXPECT_FALSE(parse_credentials(body)) << body;
}

TEST(credential_reply, be_06_the_odd_error_of_an_expired_credential_is_understood) {
    EXPECT_TRUE(parse_credential_error(R"({"errors":{"status":"can't update credentials in expired status"}})"
    )
                    .expired);
    const auto usual = parse_credential_error(
        R"({"errors":[{"code":"10015","title":"Invalid value","detail":"The credential is expired."}]})"
    );
    EXPECT_TRUE(usual.expired);
    EXPECT_EQ(usual.code, "10015");
    EXPECT_EQ(usual.title, "Invalid value");
    for (const char* body :
         {"", "{}", R"({"errors":{"status":7}})", R"({"errors":{"name":"is expired"}})", R"({"errors":[]})",
          R"({"errors":["expired"]})", R"({"errors":[{"code":"10004","title":"Missing expires_at"}]})"})
        EXPECT_FALSE(parse_credential_error(body).expired) << body;
}
