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

TEST_F(api_credentials, a_request_without_a_device_id_means_the_only_device_of_its_kind) {
    (void)device(k_ada, "phone-1", "ios");
    (void)device(k_ada, "phone-2", "android");
    (void)device(k_ada, "web_1", "web");
    const auto by = [this](const char* agent) {
        const with headers{{"Cookie", cookie(k_ada)[0].second}, {"User-Agent", agent}};
        return send("GET", "/api/voip/credentials", headers);
    };
    EXPECT_EQ(by("Mozilla/5.0 (Windows NT 10.0)").data()["device_id"], "web_1");
    EXPECT_EQ(by("okhttp/4.12").data()["device_id"], "phone-2");
    EXPECT_EQ(by("Z360/12 CFNetwork/1490 Darwin/23").data()["device_id"], "phone-1");
    const with bob{{"Cookie", cookie(k_bob)[0].second}, {"User-Agent", "Mozilla/5.0"}};
    EXPECT_EQ(send("GET", "/api/voip/credentials", bob).code(), "device_not_registered");
    // Of two nobody can tell which it is: whoever was seen last is a guess.
    clock.at += millis{1'000};
    (void)device(k_ada, "web_2", "web");
    const auto r = by("Mozilla/5.0 (Windows NT 10.0)");
    EXPECT_EQ(r.status, 409);
    EXPECT_EQ(r.code(), "device_ambiguous");
    EXPECT_NE(r.text.find("X-Z360-Device"), std::string::npos) << "the fix";
}

TEST_F(api_credentials, b_16_each_phone_of_a_person_gets_its_own_identity_by_the_session_that_registered_it) {
    const with app{{"User-Agent", "Z360/12 CFNetwork/1490 Darwin/23"}};
    const auto phone = [&](const std::string& session) {
        return plus(plus({{"Cookie", cookie(k_ada, {}, session)[0].second}}, app), from_page());
    };
    const auto registers = [&](const with& who, const std::string& uid) {
        EXPECT_EQ(
            send("POST", "/api/device-tokens", who, json{{"device_id", uid}, {"platform", "ios"}}).status, 201
        );
    };
    const auto switched = [&](const with& who) {
        return send("POST", "/api/voip/switch-org", who, json{{"target_organization_id", 8}});
    };
    registers(phone("one"), "phone-1");
    clock.at += millis{1'000};
    registers(phone("two"), "phone-2");
    for (const auto& [session, uid] : {std::pair{"one", "phone-1"}, std::pair{"two", "phone-2"}}) {
        const auto r = switched(phone(session));
        ASSERT_EQ(r.status, 200) << r.text;
        EXPECT_EQ(r.data()["device_id"], uid);
        for (const char* path : {"/api/voip/credentials", "/api/voip/devices/self", "/api/voip/bootstrap"}) {
            const auto got = send("GET", path, phone(session)).data();
            EXPECT_EQ(got.contains("device") ? got["device"]["device_id"] : got["device_id"], uid) << path;
        }
        EXPECT_EQ(send("POST", "/api/voip/token", phone(session)).data()["device_id"], uid);
    }
    // A third one that has not registered gets nobody's, also when there is only one other.
    EXPECT_EQ(switched(phone("three")).code(), "device_ambiguous");
    EXPECT_EQ(send("POST", "/api/voip/token", phone("three")).code(), "device_ambiguous");
    for (const char* path : {"/api/voip/credentials", "/api/voip/devices/self", "/api/voip/bootstrap"})
        EXPECT_EQ(send("GET", path, phone("three")).status, 409) << path;
    EXPECT_EQ(send("DELETE", "/api/device-tokens/phone-2", phone("two")).status, 200);
    EXPECT_EQ(switched(phone("three")).code(), "device_ambiguous");
    EXPECT_EQ(switched(plus(phone("three"), {{"X-Z360-Device", "phone-1"}})).data()["device_id"], "phone-1");
    // A browser has a new session after each sign-in: the only one is meant.
    const auto page = [&](const std::string& session) {
        return plus(cookie(k_bob, {}, session), from_page());
    };
    const json browser{{"device_id", "web_1"}, {"platform", "web"}};
    EXPECT_EQ(send("POST", "/api/device-tokens", page("before"), browser).status, 201);
    EXPECT_EQ(send("GET", "/api/voip/credentials", page("after")).data()["device_id"], "web_1");
    // What the session is called is not stored.
    EXPECT_EQ(row(k_ada, "phone-1").session_hash.find("one"), std::string::npos);
}

TEST_F(api_credentials, b_16_an_app_and_the_page_in_it_share_a_session_and_are_two_devices) {
    const auto in_session = [&](const char* agent) {
        const with headers{{"Cookie", cookie(k_ada, {}, "shared")[0].second}, {"User-Agent", agent}};
        return plus(headers, from_page());
    };
    const char* app = "okhttp/4.12";
    const char* page = "Mozilla/5.0 (Windows NT 10.0)";
    for (const auto& [agent, uid, platform] :
         {std::tuple{app, "phone-1", "android"}, std::tuple{page, "web_1", "web"}})
        EXPECT_EQ(
            send(
                "POST", "/api/device-tokens", in_session(agent),
                json{{"device_id", uid}, {"platform", platform}}
            ).status,
            201
        );
    (void)device(k_ada, "phone-9", "android");
    EXPECT_EQ(send("GET", "/api/voip/credentials", in_session(app)).data()["device_id"], "phone-1");
    EXPECT_EQ(send("GET", "/api/voip/credentials", in_session(page)).data()["device_id"], "web_1");
    // Neither is of the kind that the User-Agent tells.
    EXPECT_EQ(
        send("GET", "/api/voip/credentials", in_session("Z360/12 CFNetwork/1490")).code(), "device_ambiguous"
    );
}
