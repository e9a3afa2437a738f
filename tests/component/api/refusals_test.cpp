// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Replies that are documented and that no other test meets.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_refusals : public bed {};

TEST_F(api_refusals, and_15_a_token_past_its_end_is_told_so) {
    const auto backend = service();
    clock.at += millis{2LL * 86'400'000};
    const auto r = send("GET", "/api/device-tokens", plus(backend, {{"X-Z360-User", "3"}}));
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "token_expired");
    EXPECT_EQ(r.body["credential"], "service_token");
}

TEST_F(api_refusals, what_an_operator_removes_twice_is_unknown_the_second_time) {
    const auto boss = admin();
    const std::string acme = "/api/admin/organizations/7";
    EXPECT_EQ(send("DELETE", acme + "/numbers/+13125550199", boss).code(), "number_unknown");
    EXPECT_EQ(send("DELETE", acme + "/contacts/+13125550199", boss).code(), "contact_unknown");
    EXPECT_EQ(send("DELETE", acme + "/members/5", boss).code(), "membership_unknown");
}

TEST_F(api_refusals, a_second_upsert_of_the_same_is_200) {
    const auto boss = admin();
    const std::string acme = "/api/admin/organizations/7";
    const json name{{"name", "Grace Hopper"}};
    EXPECT_EQ(send("PUT", acme + "/contacts/+13125550142", boss, name).status, 201);
    EXPECT_EQ(send("PUT", acme + "/contacts/+13125550142", boss, name).status, 200);
    EXPECT_EQ(send("PUT", acme + "/members/5", boss, json{{"role", "admin"}}).status, 201);
    EXPECT_EQ(send("PUT", acme + "/members/5", boss, json{{"role", "owner"}}).status, 200);
    EXPECT_EQ(send("PUT", acme + "/settings", boss, json{{"ring_seconds", 25}}).status, 201);
    EXPECT_EQ(send("PUT", acme + "/settings", boss, json{{"ring_seconds", 20}}).status, 200);
}

TEST_F(api_refusals, a_device_that_takes_no_calls_gets_no_login_token) {
    const auto phone = device(k_ada, "phone-1");
    credentials.refuses = true;
    const auto r = send("POST", "/api/voip/token", phone, json::object());
    EXPECT_EQ(r.status, 404);
    EXPECT_EQ(r.code(), "identity_unknown");
}

TEST_F(api_refusals, ios_04_without_an_app_of_ours_there_is_no_sign_in_with_apple) {
    offers_apple = false;
    restart();
    const json body{{"identity_token", "apple:001"}, {"nonce", "the-nonce"}};
    const auto r = send("POST", "/api/auth/apple", {}, body);
    EXPECT_EQ(r.status, 404);
    EXPECT_EQ(r.code(), "apple_not_configured");
}

TEST_F(api_refusals, cred_03_sign_in_with_apple_registers_while_the_carrier_is_away) {
    tenants.apple["001"] = k_ada;
    credentials.up = false;
    const json body{
        {"identity_token", "apple:001"},
        {"nonce", "the-nonce"},
        {"device", {{"device_id", "phone-1"}, {"platform", "ios"}}},
    };
    const auto r = send("POST", "/api/auth/apple", {}, body);
    EXPECT_EQ(r.status, 202) << r.text;
    EXPECT_EQ(r.data()["registration"]["identity_state"], "pending");
    credentials.up = true;
    const with own{{"Authorization", "Bearer " + r.data()["registration"]["device_token"].get<std::string>()}
    };
    EXPECT_EQ(send("GET", "/api/voip/credentials", own).status, 200);
}

TEST_F(api_refusals, mob_06_a_token_is_stale_when_the_carrier_gives_no_new_one) {
    const auto phone = device(k_ada, "phone-1");
    credentials.up = false;
    const auto r = send("POST", "/api/voip/token", phone, json::object());
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.data()["stale"], true);
}
