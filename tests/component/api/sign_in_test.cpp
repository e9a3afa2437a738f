// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_sign_in : public bed {
  protected:
    answer post(with who, const std::string& subject = "001", const std::string& nonce = "the-nonce") {
        return send(
            "POST", "/api/auth/apple", std::move(who),
            json{{"identity_token", "apple:" + subject}, {"nonce", nonce}}
        );
    }
};

TEST_F(api_sign_in, ios_04_an_unknown_apple_account_is_linked_only_beside_another_proof) {
    auto r = post({});
    EXPECT_EQ(r.status, 404);
    EXPECT_EQ(r.code(), "apple_account_unknown");
    EXPECT_EQ(post(cookie(k_ada)).code(), "origin_forbidden");
    EXPECT_EQ(post(plus(cookie(k_ada), from_page())).status, 200);
    r = post({});
    ASSERT_EQ(r.status, 200);
    EXPECT_EQ(r.data()["user_id"], 3);
    EXPECT_EQ(post(device(k_bob, "bob-1")).code(), "apple_account_taken");
    EXPECT_EQ(post({{"Cookie", "stale=session"}}).status, 200) << "a dead session does not stand in the way";
}

TEST_F(api_sign_in, ios_04_an_enrolment_code_links_once) {
    const auto code = token(port::token_kind::enrolment, k_ada);
    EXPECT_EQ(post(code, "002").status, 200);
    EXPECT_EQ(post(code, "003").status, 401);
    EXPECT_EQ(tenants.apple.count("003"), 0U);
}

TEST_F(api_sign_in, ios_04_what_it_hands_out_registers_a_device_and_signs_in_at_the_web_product) {
    tenants.apple["001"] = k_ada;
    const auto r = post({});
    const with code{{"Authorization", "Bearer " + r.data()["enrolment_code"].get<std::string>()}};
    EXPECT_EQ(
        send("POST", "/api/device-tokens", code, json{{"device_id", "i-1"}, {"platform", "ios"}}).status, 201
    );
    const json handoff{{"handoff_token", r.data()["handoff_token"]}};
    const auto first = send("POST", "/api/auth/handoff", service(), handoff);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.data()["user_id"], 3);
    EXPECT_EQ(send("POST", "/api/auth/handoff", service(), handoff).code(), "handoff_unknown");
    const auto again = post({});
    EXPECT_EQ(
        send(
            "POST", "/api/auth/handoff", service(k_initech),
            json{{"handoff_token", again.data()["handoff_token"]}}
        ).status,
        404
    );
}

TEST_F(api_sign_in, ios_04_a_device_beside_the_token_is_registered_at_once) {
    tenants.apple["001"] = k_ada;
    json body{{"identity_token", "apple:001"}, {"nonce", "the-nonce"}};
    body["device"] = {{"device_id", "i-1"}, {"platform", "ios"}};
    const auto r = send("POST", "/api/auth/apple", {}, body);
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_TRUE(r.data()["registration"]["device_token"].is_string());
    EXPECT_TRUE(r.data()["enrolment_code"].is_null());
    body["device"] = {{"device_id", "web"}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/auth/apple", {}, body).status, 422);
}

TEST_F(api_sign_in, ios_04_a_token_that_does_not_do_is_401_with_its_reason) {
    const auto r = post({}, "001", "another");
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "apple_token_invalid");
    EXPECT_NE(r.body["detail"].get<std::string>().find("wrong_nonce"), std::string::npos);
    const json away{{"identity_token", "away"}, {"nonce", "the-nonce"}};
    EXPECT_EQ(send("POST", "/api/auth/apple", {}, away).code(), "apple_unavailable");
}

TEST_F(api_sign_in, ios_04_a_revocation_retires_what_came_by_it) {
    tenants.apple["001"] = k_ada;
    const auto r = send("POST", "/api/auth/apple/notifications", {}, json{{"payload", "revoked:001"}});
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.data()["devices_removed"], 1);
    EXPECT_EQ(credentials.looked_at.size(), 1U);
    EXPECT_EQ(post({}).status, 404);
    EXPECT_EQ(send("POST", "/api/auth/apple/notifications", {}, json{{"payload", "forged"}}).status, 401);
}

TEST_F(api_sign_in, ios_04_an_identity_token_serves_once) {
    tenants.apple["001"] = k_ada;
    EXPECT_EQ(post({}, "002#7").code(), "apple_account_unknown");
    EXPECT_EQ(post({}, "001#7").status, 200);
    const auto r = post({}, "001#7");
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "apple_token_used");
    const auto made = tokens.rows.size();
    json body{{"identity_token", "apple:001#7"}, {"nonce", "the-nonce"}};
    body["device"] = {{"device_id", "thief"}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/auth/apple", {}, body).code(), "apple_token_used");
    EXPECT_EQ(tokens.rows.size(), made) << "nothing more is given out for it";
    EXPECT_EQ(devices.find(k_ada, "thief"), nullptr);
    EXPECT_EQ(post({}, "001#8").status, 200);
    // Whoever is not linked yet sends the same token again, with a proof.
    EXPECT_EQ(post(token(port::token_kind::enrolment, k_bob), "002#7").status, 200);
}

TEST_F(api_sign_in, ios_04_a_suspended_person_gets_nothing) {
    tenants.apple["001"] = k_ada;
    tenants.persons.at(k_ada.value).status = "suspended";
    const auto made = tokens.rows.size();
    const auto r = post({});
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.code(), "access_denied");
    json body{{"identity_token", "apple:001"}, {"nonce", "the-nonce"}};
    body["device"] = {{"device_id", "i-1"}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/auth/apple", {}, body).status, 403);
    EXPECT_EQ(tokens.rows.size(), made);
    EXPECT_EQ(devices.find(k_ada, "i-1"), nullptr);
}

TEST_F(api_sign_in, ios_04_what_it_hands_out_is_in_the_audit_and_not_given_without_it) {
    tenants.apple["001"] = k_ada;
    ASSERT_EQ(post({}).status, 200);
    ASSERT_FALSE(audit.lines.empty());
    EXPECT_EQ(audit.lines.back().action, "apple_sign_in");
    EXPECT_EQ(audit.lines.back().user, k_ada);
    EXPECT_EQ(audit.lines.back().remote_address, "198.51.100.9");
    EXPECT_EQ(audit.lines.back().detail, "enrolment code, handoff token");
    audit.away = true;
    const auto made = tokens.rows.size();
    EXPECT_EQ(post({}).status, 503);
    EXPECT_EQ(tokens.rows.size(), made);
}
