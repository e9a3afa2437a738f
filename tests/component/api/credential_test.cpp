// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Logging in to the carrier, and the organisation switch that switches nothing.
#include "bed.hpp"

using namespace z360;
using namespace z360::test;

class api_credentials : public bed {};

TEST_F(api_credentials, sec_03_get_credentials_never_has_the_password) {
    const auto own = device(k_ada, "phone-1");
    const auto r = send("GET", "/api/voip/credentials", own);
    ASSERT_EQ(r.status, 200) << r.text;
    const auto& d = r.data();
    EXPECT_EQ(d["sip_username"], "gencred101");
    EXPECT_TRUE(d["sip_password"].is_null());
    EXPECT_EQ(d["jwt_token"], "jwt-of-101");
    EXPECT_EQ(d["caller_id_name"], "Ada Lovelace");
    EXPECT_EQ(d["caller_id_number"], "+13125550100");
    EXPECT_EQ(d["organization_id"], 7);
    EXPECT_EQ(d["organization_name"], "Acme Plumbing");
    row(k_ada, "phone-1").identity->disclosed = false;
    EXPECT_TRUE(send("GET", "/api/voip/credentials", own).data()["sip_password"].is_null());
}

TEST_F(api_credentials, sec_03_reveal_is_audited_before_and_three_times_an_hour) {
    const auto own = device(k_ada, "phone-1");
    audit.lines.clear();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", own).data()["sip_password"], "pw-of-1010");
    ASSERT_EQ(audit.lines.size(), 3U);
    EXPECT_EQ(audit.lines[0].action, "password_disclosed");
    EXPECT_EQ(audit.lines[0].actor, "device");
    EXPECT_EQ(audit.lines[0].device, row(k_ada, "phone-1").id);
    EXPECT_EQ(audit.lines[0].detail.find("pw-of"), std::string::npos);
    EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", own).status, 429);
    clock.at += millis{3'600'000};
    audit.away = true;
    const auto r = send("POST", "/api/voip/credentials/reveal", own);
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.text.find("pw-of"), std::string::npos);
}

TEST_F(api_credentials, sec_03_reveal_takes_the_devices_own_token_only) {
    (void)device(k_ada, "phone-1");
    EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", plus(cookie(k_ada), from_page())).status, 403);
    EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", acting(k_ada)).status, 403);
    EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", admin()).status, 403);
}

TEST_F(api_credentials, mob_01_switch_org_answers_from_our_own_rows) {
    const auto own = device(k_ada, "phone-1");
    const auto registered = row(k_ada, "phone-1").identity->sip_username;
    const auto asked = credentials.asked;
    for (int i = 0; i < 50; ++i) {
        const auto r =
            send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", i % 2 == 0 ? 8 : 7}});
        ASSERT_EQ(r.status, 200) << r.text;
        EXPECT_EQ(r.data()["sip_username"], registered);
        EXPECT_EQ(r.data()["reconnect"], false);
    }
    EXPECT_EQ(credentials.asked, asked) << "the carrier was not asked";
}

TEST_F(api_credentials, cred_04_every_organisation_gets_the_identity_that_rings) {
    const auto own = device(k_ada, "phone-1");
    const auto as_text = send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", "8"}});
    EXPECT_EQ(as_text.data()["organization_id"], 8);
    EXPECT_EQ(as_text.data()["organization_name"], "Globex");
    EXPECT_TRUE(as_text.data()["caller_id_number"].is_null());
    EXPECT_EQ(
        as_text.data()["sip_username"], send("GET", "/api/voip/credentials", own).data()["sip_username"]
    );
    const auto r = send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", 9}});
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.body["success"], false);
    EXPECT_EQ(r.body["message"], "Access denied");
}

TEST_F(api_credentials, web_03_a_switch_changes_nothing) {
    const auto own = device(k_ada, "phone-1");
    const auto before = send("GET", "/api/voip/devices/self", own).data();
    for (int i = 0; i < 100; ++i)
        ASSERT_EQ(send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", 8}}).status, 200);
    EXPECT_EQ(send("GET", "/api/voip/devices/self", own).data(), before);
    EXPECT_EQ(send("GET", "/api/voip/credentials", own).data()["organization_id"], 7);
}

TEST_F(api_credentials, web_05_restore_org_is_a_harmless_200) {
    const auto own = device(k_ada, "phone-1");
    const auto r = send("POST", "/api/voip/restore-org", own);
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body["success"], true);
}

TEST_F(api_credentials, mob_06_during_a_call_the_identity_stays_and_a_waiting_rotation_is_409) {
    const auto own = device(k_ada, "phone-1");
    auto& d = row(k_ada, "phone-1");
    d.on_call = true;
    d.call_session_id = "session-1";
    const json body{{"target_organization_id", 8}};
    const auto first = send("POST", "/api/voip/switch-org", own, body);
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(send("POST", "/api/voip/switch-org", own, body).text, first.text);
    d.identity->expires_at = clock.at + millis{5LL * 86'400'000}; // of 30 days: due since a day
    const auto r = send("POST", "/api/voip/switch-org", own, body);
    EXPECT_EQ(r.status, 409);
    EXPECT_EQ(r.code(), "active_call");
    EXPECT_EQ(r.body["call_id"], "session-1");
    EXPECT_FALSE(r.header("Retry-After").empty());
    d.on_call = false;
    EXPECT_EQ(send("POST", "/api/voip/switch-org", own, body).status, 200);
}

TEST_F(api_credentials, cred_02_a_stale_token_is_marked_and_none_is_503_never_a_word) {
    const auto own = device(k_ada, "phone-1");
    auto r = send("POST", "/api/voip/token", own);
    EXPECT_EQ(r.data()["jwt_token"], "jwt-of-101");
    EXPECT_EQ(r.data()["stale"], false);
    EXPECT_TRUE(r.data()["refresh_after"].is_string());
    EXPECT_TRUE(r.data()["jwt_expires_at"].is_string());
    credentials.up = false;
    EXPECT_EQ(send("POST", "/api/voip/token", own).data()["stale"], true);
    credentials.have_jwt = false;
    r = send("POST", "/api/voip/token", own);
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.code(), "voip_unavailable");
    EXPECT_EQ(r.text.find("undefined"), std::string::npos);
}

TEST_F(api_credentials, cred_02_a_pending_identity_has_no_credentials_yet) {
    credentials.up = false;
    const auto own = device(k_ada, "phone-1");
    const auto r = send("GET", "/api/voip/credentials", own);
    EXPECT_EQ(r.status, 202);
    EXPECT_TRUE(r.data()["sip_username"].is_null());
    EXPECT_TRUE(r.data()["jwt_token"].is_null());
    const auto s = send("POST", "/api/voip/switch-org", own, json{{"target_organization_id", 8}});
    EXPECT_EQ(s.status, 503);
    EXPECT_EQ(s.code(), "credentials_pending");
}

TEST_F(api_credentials, an_old_request_by_cookie_means_the_device_of_its_kind_that_was_seen_last) {
    (void)device(k_ada, "phone-1", "ios");
    (void)device(k_ada, "phone-2", "android");
    (void)device(k_ada, "web_1", "web");
    clock.at += millis{1'000};
    (void)device(k_ada, "web_2", "web");
    const auto by = [this](const char* agent) {
        const with headers{{"Cookie", cookie(k_ada)[0].second}, {"User-Agent", agent}};
        return send("GET", "/api/voip/credentials", headers).body["data"]["device_id"];
    };
    EXPECT_EQ(by("Mozilla/5.0 (Windows NT 10.0)"), "web_2");
    EXPECT_EQ(by("okhttp/4.12"), "phone-2");
    EXPECT_EQ(by("Z360/12 CFNetwork/1490 Darwin/23"), "phone-1");
    const with bob{{"Cookie", cookie(k_bob)[0].second}, {"User-Agent", "Mozilla/5.0"}};
    EXPECT_EQ(send("GET", "/api/voip/credentials", bob).code(), "device_not_registered");
}
