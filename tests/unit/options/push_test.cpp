// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Settings of pushes.
#include "support.hpp"

#include <gmock/gmock.h>

using namespace z360;
using namespace z360::app;
using namespace z360::app::test;
using testing::HasSubstr;
using testing::Not;

namespace {

environment with_push() {
    auto env = complete();
    env["Z360_PUSH_APNS_KEY_FILE"] = "/etc/z360-voip/key.p8";
    env["Z360_PUSH_APNS_KEY_ID"] = "ABCDE12345";
    env["Z360_PUSH_APNS_TEAM_ID"] = "TEAM123456";
    env["Z360_PUSH_APNS_BUNDLE_IDS"] = "com.example.phone,com.example.desk";
    env["Z360_PUSH_FCM_SERVICE_ACCOUNT_FILE"] = "/etc/z360-voip/firebase.json";
    return env;
}

} // namespace

TEST(push_options, push_is_off_without_keys_and_on_with_those_of_one_provider) {
    EXPECT_FALSE(accepted({}, complete()).settings.push.configured());
    auto env = with_push();
    const auto both = accepted({}, env).settings.push;
    EXPECT_TRUE(both.configured());
    EXPECT_EQ(both.apns_bundle_ids, (std::vector<std::string>{"com.example.phone", "com.example.desk"}));
    EXPECT_EQ(both.retry_percent, 10U);
    EXPECT_EQ(both.apns_port, 443);
    env = complete();
    env["Z360_PUSH_FCM_SERVICE_ACCOUNT_FILE"] = "/etc/z360-voip/firebase.json";
    EXPECT_TRUE(accepted({}, env).settings.push.configured());
}

TEST(push_options, apns_needs_all_of_its_settings_and_each_that_is_missing_has_a_line) {
    for (const std::string one : {"KEY_FILE", "KEY_ID", "TEAM_ID", "BUNDLE_IDS"}) {
        auto env = with_push();
        env.erase("Z360_PUSH_APNS_" + one);
        auto key = "push.apns_" + one;
        for (char& c : key)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        EXPECT_THAT(refused({}, env), HasSubstr("config: " + key + ": (not set): needed")) << one;
    }
    auto env = complete();
    env["Z360_PUSH_APNS_KEY_ID"] = "ABCDE12345";
    const auto text = refused({}, env);
    for (const char* key : {"push.apns_key_file", "push.apns_team_id", "push.apns_bundle_ids"})
        EXPECT_THAT(text, HasSubstr(key));
}

TEST(push_options, values_that_cannot_be_right_are_refused_with_what_to_do) {
    const std::vector<std::array<std::string, 3>> wrong{
        {"APNS_KEY_ID", "abcde12345", "ten capital letters and digits"},
        {"APNS_TEAM_ID", "TEAM", "ten capital letters and digits"},
        {"APNS_BUNDLE_IDS", "not a bundle", "push.apns_bundle_ids"},
        {"APNS_DEFAULT_BUNDLE_ID", "com.example.other", "not among push.apns_bundle_ids"},
        {"APNS_PORT", "0", "push.apns_port"},
        {"CA_FILE", "/nowhere/ca.pem", "cannot be read"},
        {"PROXY", "socks5://proxy:1080", "give http://host:port"},
        {"RETRY_PERCENT", "101", "push.retry_percent"},
        {"ANY_TOKEN_HOST", "true", "only with server.sandbox"},
    };
    for (const auto& [name, value, fix] : wrong) {
        auto env = with_push();
        env["Z360_PUSH_" + name] = value;
        EXPECT_THAT(refused({}, env), HasSubstr(fix)) << name;
    }
    auto env = with_push();
    env["Z360_PUSH_ANY_TOKEN_HOST"] = "true";
    env["Z360_SERVER_SANDBOX"] = "true";
    EXPECT_TRUE(accepted({}, env).settings.push.any_token_host);
}

TEST(push_options, sec_02_a_password_of_the_proxy_is_shown_nowhere) {
    auto env = with_push();
    env["Z360_PUSH_PROXY"] = "http://example:planted-password@proxy:3128";
    const auto o = accepted({}, env);
    EXPECT_EQ(o.settings.push.proxy.reveal(), env["Z360_PUSH_PROXY"]);
    EXPECT_THAT(describe(o), Not(HasSubstr("planted-password")));
    const auto text = refused({"--push.proxy", env["Z360_PUSH_PROXY"]}, with_push());
    EXPECT_THAT(text, HasSubstr("push.proxy: (secret)"));
    EXPECT_THAT(text, Not(HasSubstr("planted-password")));
}
