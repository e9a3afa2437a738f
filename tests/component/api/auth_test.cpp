// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who asks, and what is said to those who may not.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_auth : public bed {};

TEST_F(api_auth, and_01_a_token_of_another_environment_is_refused_before_any_lookup) {
    const auto foreign = adapter::crypto::make_bearer(port::token_kind::device, "staging");
    const auto r =
        send("GET", "/api/voip/devices/self", {{"Authorization", "Bearer " + std::string(foreign.reveal())}});
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "wrong_environment");
    EXPECT_EQ(tokens.lookups, 0);
}

TEST_F(api_auth, mob_13_the_body_of_a_401_says_which_credential_failed) {
    auto r = send("GET", "/api/device-tokens");
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "token_missing");
    EXPECT_FALSE(r.header("WWW-Authenticate").empty());
    EXPECT_EQ(r.body["success"], false);
    EXPECT_EQ(r.body["error"]["code"], "token_missing");

    r = send("GET", "/api/device-tokens", {{"Authorization", "Bearer nonsense"}});
    EXPECT_EQ(r.code(), "token_unknown");
    r = send("GET", "/api/device-tokens", {{"Authorization", "Basic dTpw"}});
    EXPECT_EQ(r.code(), "token_unknown");
    const auto unknown = adapter::crypto::make_bearer(port::token_kind::device, "test");
    r = send("GET", "/api/device-tokens", {{"Authorization", "Bearer " + std::string(unknown.reveal())}});
    EXPECT_EQ(r.code(), "token_unknown");
    EXPECT_EQ(r.body["credential"], "device_token");

    r = send("GET", "/api/device-tokens", {{"Cookie", "z360_session=stolen"}});
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "session_invalid");
    EXPECT_EQ(r.body["credential"], "cookie");
}

TEST_F(api_auth, mob_13_a_bearer_works_without_a_cookie_and_a_cookie_without_a_bearer) {
    const auto phone = device(k_ada, "phone-1");
    for (const char* path :
         {"/api/device-tokens", "/api/voip/credentials", "/api/voip/bootstrap", "/api/voip/devices/self",
          "/api/voip/my-active-call", "/api/voip/calls"})
        EXPECT_EQ(send("GET", path, phone).status, 200) << path;
    const auto self = send("GET", "/api/device-tokens", cookie(k_ada));
    EXPECT_EQ(self.status, 200);
    EXPECT_EQ(self.data().size(), 1U);
}

TEST_F(api_auth, a_bearer_goes_before_a_cookie_even_when_it_is_wrong) {
    auto both = cookie(k_ada);
    both.emplace_back("Authorization", "Bearer wrong");
    EXPECT_EQ(send("GET", "/api/device-tokens", both).code(), "token_unknown");
    EXPECT_EQ(cookies.asked, 0);
}

TEST_F(api_auth, a_dead_token_is_refused_with_its_reason) {
    const auto phone = device(k_ada, "phone-1");
    auto& stored = tokens.rows.back();
    const auto ask = [&] { return send("GET", "/api/voip/devices/self", phone); };
    ASSERT_EQ(ask().status, 200);
    stored.row.revoked_at = clock.at;
    EXPECT_EQ(ask().code(), "token_revoked");
    stored.row.revoked_at.reset();
    stored.row.user_status = "suspended";
    EXPECT_EQ(ask().code(), "token_revoked");
    stored.row.user_status = "active";
    stored.row.device_status = "removed";
    EXPECT_EQ(ask().code(), "token_revoked");
    stored.row.device_status = "active";
    clock.at += millis{31LL * 86'400'000};
    EXPECT_EQ(ask().code(), "device_session_expired");
}

TEST_F(api_auth, b47_an_expired_bearer_is_honoured_for_the_call_that_its_device_is_on) {
    const auto phone = device(k_ada, "phone-1");
    auto& stored = tokens.rows.back();
    const auto call = ring(k_ada, k_acme, {row(k_ada, "phone-1").id}).state.id.text();
    clock.at += millis{31LL * 86'400'000};
    const auto end = stored.row.expires_at;
    const std::vector<std::pair<std::string, std::string>> in_call{
        {"GET", "/api/voip/call-status/" + call},
        {"GET", "/api/voip/my-active-call"},
        {"POST", "/api/voip/token"},
    };
    for (const auto& [method, path] : in_call)
        EXPECT_EQ(send(method, path, phone).code(), "device_session_expired") << path << ": not on a call";
    stored.row.on_call = true;
    for (const auto& [method, path] : in_call)
        EXPECT_EQ(send(method, path, phone).status, 200) << path;
    for (const char* path : {"/api/voip/calls", "/api/voip/credentials", "/api/voip/devices/self"})
        EXPECT_EQ(send("GET", path, phone).code(), "device_session_expired") << path;
    EXPECT_EQ(stored.row.expires_at, end) << "the call does not bring it back to life";
    stored.row.revoked_at = clock.at;
    for (const auto& [method, path] : in_call)
        EXPECT_EQ(send(method, path, phone).code(), "token_revoked") << path;
}

TEST_F(api_auth, and_15_a_suspended_device_is_told_that_its_session_expired) {
    const auto phone = device(k_ada, "phone-1");
    tokens.rows.back().row.device_status = "suspended";
    tokens.rows.back().row.revoked_at = clock.at;
    const auto r = send("GET", "/api/voip/devices/self", phone);
    EXPECT_EQ(r.status, 401);
    EXPECT_EQ(r.code(), "device_session_expired");
}

TEST_F(api_auth, and_15_use_slides_the_end_at_most_once_an_hour_and_never_past_the_last_day) {
    const auto phone = device(k_ada, "phone-1");
    tokens.touches = 0;
    ASSERT_EQ(send("GET", "/api/voip/calls", phone).status, 200);
    ASSERT_EQ(send("GET", "/api/voip/calls", phone).status, 200);
    EXPECT_EQ(tokens.touches, 1);
    for (int day = 0; day < 175; ++day) {
        clock.at += millis{86'400'000};
        ASSERT_EQ(send("GET", "/api/voip/calls", phone).status, 200) << "day " << day;
    }
    EXPECT_EQ(tokens.rows.back().row.expires_at, tokens.rows.back().row.ends_at);
    clock.at += millis{6LL * 86'400'000};
    EXPECT_EQ(send("GET", "/api/voip/calls", phone).code(), "device_session_expired");
}

TEST_F(api_auth, and_15_use_is_told_to_the_registry_once_a_minute_and_a_new_version_at_once) {
    const auto phone = device(k_ada, "phone-1");
    for (int i = 0; i < 5; ++i)
        (void)send("GET", "/api/voip/calls", phone);
    ASSERT_EQ(devices.lives.size(), 1U);
    (void)send("GET", "/api/voip/calls", plus(phone, {{"X-Credential-Version", "2"}}));
    (void)send("GET", "/api/voip/calls", plus(phone, {{"X-Credential-Version", "2"}}));
    ASSERT_EQ(devices.lives.size(), 2U);
    EXPECT_EQ(devices.lives.back().second, 2);
    clock.at += millis{61'000};
    (void)send("GET", "/api/voip/calls", phone);
    EXPECT_EQ(devices.lives.size(), 3U);
}

TEST_F(api_auth, sec_02_a_hash_under_an_old_key_is_replaced_with_use) {
    const auto phone = device(k_ada, "phone-1");
    ASSERT_EQ(send("GET", "/api/voip/calls", phone).status, 200);
    const auto old = tokens.rows.back().hash;
    auto fresh = std::string(adapter::crypto::vault::generate_line("k2").reveal());
    if (!fresh.ends_with('\n')) fresh += '\n';
    // The old key is no longer known from here: rebuild it in front of the new one.
    const auto line_1 = adapter::crypto::vault::generate_line("k1");
    auto text_1 = std::string(line_1.reveal());
    if (!text_1.ends_with('\n')) text_1 += '\n';
    vault = adapter::crypto::vault::parse(secret(text_1), "test");
    restart();
    const auto again = device(k_ada, "phone-2");
    const auto before = tokens.rows.back().hash;
    EXPECT_NE(before, old);
    vault = adapter::crypto::vault::parse(secret(fresh + text_1), "test");
    restart();
    ASSERT_EQ(send("GET", "/api/voip/calls", again).status, 200);
    EXPECT_EQ(tokens.rows.back().row.hash_key_id, "k2");
    EXPECT_NE(tokens.rows.back().hash, before);
    EXPECT_EQ(send("GET", "/api/voip/calls", again).status, 200);
}

TEST_F(api_auth, sec_04_failed_authentications_are_limited_by_address_and_good_ones_still_pass) {
    settings.limits.failed_auth_per_minute = 10;
    restart();
    const auto phone = device(k_ada, "phone-1");
    const with wrong{{"Authorization", "Bearer wrong"}};
    for (int i = 0; i < 10; ++i)
        ASSERT_EQ(send("GET", "/api/voip/calls", wrong).status, 401);
    const auto r = send("GET", "/api/voip/calls", wrong);
    EXPECT_EQ(r.status, 429);
    EXPECT_EQ(r.code(), "rate_limited");
    EXPECT_FALSE(r.header("Retry-After").empty());
    EXPECT_EQ(send("GET", "/api/voip/calls", phone).status, 200);
    peer = "203.0.113.4:1";
    EXPECT_EQ(send("GET", "/api/voip/calls", wrong).status, 401);
}

TEST_F(api_auth, a_backend_must_name_the_person_and_may_act_only_for_its_organisation) {
    EXPECT_EQ(send("GET", "/api/device-tokens", service()).code(), "user_missing");
    EXPECT_EQ(send("GET", "/api/device-tokens", acting(k_ada)).status, 200);
    const auto acme = service(k_acme);
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(acme, {{"X-Z360-User", "4"}})).status, 200);
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(acme, {{"X-Z360-User", "5"}})).status, 404);
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(acme, {{"X-Z360-User", "x"}})).status, 404);
    const with in_globex{{"X-Z360-User", "3"}, {"X-Z360-Organization", "8"}};
    EXPECT_EQ(send("GET", "/api/device-tokens", plus(acme, in_globex)).status, 404);
}

TEST_F(api_auth, a_token_does_only_what_its_kind_and_scopes_allow) {
    const auto phone = device(k_ada, "phone-1");
    EXPECT_EQ(send("GET", "/api/admin/organizations", phone).code(), "wrong_credential");
    EXPECT_EQ(send("GET", "/api/admin/organizations", cookie(k_ada)).code(), "wrong_credential");
    EXPECT_EQ(send("GET", "/api/admin/organizations", service()).code(), "scope_missing");
    EXPECT_EQ(send("GET", "/api/device-tokens", admin()).code(), "wrong_credential");
    const auto reader = token(port::token_kind::service, {}, {}, {"tenants:read"});
    EXPECT_EQ(send("GET", "/api/admin/organizations", reader).status, 200);
    EXPECT_EQ(send("DELETE", "/api/admin/organizations/7", reader).code(), "scope_missing");
    EXPECT_EQ(
        send("GET", "/api/device-tokens", plus(reader, {{"X-Z360-User", "3"}})).code(), "scope_missing"
    );
    const auto code = token(port::token_kind::enrolment, k_ada);
    EXPECT_EQ(send("GET", "/api/device-tokens", code).code(), "wrong_credential");
}

TEST_F(api_auth, an_enrolment_code_registers_one_device_once_and_a_refused_registration_leaves_it) {
    const auto code = token(port::token_kind::enrolment, k_ada);
    const json bad{{"device_id", ""}, {"platform", "ios"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", code, bad).status, 422);
    const json good{{"device_id", "phone-1"}, {"platform", "ios"}};
    const auto first = send("POST", "/api/device-tokens", code, good);
    EXPECT_EQ(first.status, 201);
    EXPECT_TRUE(first.data()["device_token"].is_string());
    const auto second = send("POST", "/api/device-tokens", code, good);
    EXPECT_EQ(second.status, 401);
    EXPECT_EQ(second.code(), "token_used");
}

TEST_F(api_auth, b34_a_cookie_changes_something_only_from_a_page_of_ours) {
    const json body{{"device_id", "web_1"}, {"platform", "web"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", cookie(k_ada), body).code(), "origin_forbidden");
    const with foreign{{"Origin", "https://evil.example"}};
    EXPECT_EQ(
        send("POST", "/api/device-tokens", plus(cookie(k_ada), foreign), body).code(), "origin_forbidden"
    );
    EXPECT_EQ(
        send("POST", "/api/device-tokens", plus(cookie(k_ada), {{"Origin", "null"}}), body).status, 403
    );
    EXPECT_EQ(send("POST", "/api/device-tokens", plus(cookie(k_ada), from_page()), body).status, 201);
    const with same{{"Origin", "https://voip.example.com"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", plus(cookie(k_ada), same), body).status, 200);
    // Native code of old apps asks for the switch with a copied cookie and no Origin; it changes nothing.
    const auto found = send(
        "POST", "/api/voip/switch-org", plus(cookie(k_ada), {{"X-Z360-Device", "web_1"}}),
        json{{"target_organization_id", "8"}}
    );
    EXPECT_EQ(found.status, 200) << found.text;
}

TEST_F(api_auth, an_introspection_that_is_away_is_no_sign_out) {
    edge::api::cookie_answer away;
    away.result = edge::api::cookie_answer::what::unavailable;
    cookies.sessions["z360_session=x"] = away;
    const auto r = send("GET", "/api/device-tokens", {{"Cookie", "z360_session=x"}});
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.code(), "session_check_unavailable");
}
