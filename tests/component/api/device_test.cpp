// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Registration and what comes with it.
#include "adapter/crypto/base64.hpp"
#include "bed.hpp"
#include "edge/api/client_rules.hpp"

using namespace z360;
using namespace z360::test;

class api_devices : public bed {
  protected:
    answer post(with who, json body) { return send("POST", "/api/device-tokens", std::move(who), body); }
    static json phone(const std::string& uid = "phone-1", const std::string& platform = "ios") {
        return {{"device_id", uid}, {"platform", platform}};
    }
};

TEST_F(api_devices, the_first_contact_gets_identity_token_and_settings) {
    auto body = phone();
    body["device_name"] = "Ada's iPhone";
    body["voip_token"] = k_hex;
    body["unknown_field"] = {1, 2, 3};
    const auto r = post(acting(k_ada, k_acme), body);
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_EQ(r.body["success"], true);
    EXPECT_EQ(r.body["message"], "Device token registered successfully");
    const auto& d = r.data();
    EXPECT_EQ(d["device_id"], "phone-1");
    EXPECT_EQ(d["platform"], "ios");
    EXPECT_TRUE(d["id"].is_number());
    EXPECT_EQ(d["sip_credentials"]["sip_username"], "gencred101");
    EXPECT_EQ(d["sip_credentials"]["sip_password"], "pw-of-1010");
    EXPECT_EQ(d["sip_credentials"]["jwt_token"], "jwt-of-101");
    EXPECT_TRUE(d["device_token"].get<std::string>().starts_with("z360d_test_"));
    EXPECT_EQ(d["credential_version"], 1);
    EXPECT_EQ(d["organization_id"], 7);
    EXPECT_EQ(d["organizations"].size(), 2U);
    EXPECT_EQ(d["client_config"]["environment"], "test");
    EXPECT_EQ(d["push_state"], "active");
    EXPECT_EQ(
        send(
            "GET", "/api/voip/devices/self",
            {{"Authorization", "Bearer " + d["device_token"].get<std::string>()}}
        ).status,
        200
    );
}

TEST_F(api_devices, its_own_token_renews_a_registration_and_is_kept) {
    const auto own = device(k_ada, "phone-1");
    const auto r = post(own, phone());
    EXPECT_EQ(r.status, 200);
    EXPECT_TRUE(r.data()["device_token"].is_null());
    EXPECT_TRUE(r.data()["device_token_expires_at"].is_string());
}

TEST_F(api_devices, mob_13_a_device_cannot_act_on_another) {
    const auto own = device(k_ada, "phone-1");
    (void)device(k_ada, "phone-2");
    EXPECT_EQ(post(own, phone("phone-2")).status, 404);
    EXPECT_EQ(send("DELETE", "/api/device-tokens/phone-2", own).status, 404);
    const json update{{"device_id", "phone-2"}, {"voip_token", k_hex}};
    EXPECT_EQ(send("POST", "/api/device-tokens/update-fcm", own, update).status, 404);
    EXPECT_EQ(send("GET", "/api/voip/credentials?device_id=phone-2", own).status, 404);
    EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=phone-2", own).status, 404);
    EXPECT_EQ(send("POST", "/api/voip/token", own, json{{"device_id", "phone-2"}}).status, 404);
    EXPECT_EQ(row(k_ada, "phone-2").status, "active");
}

TEST_F(api_devices, sec_03_the_password_is_in_the_first_reply_only) {
    const auto backend = acting(k_ada);
    EXPECT_EQ(post(backend, phone()).data()["sip_credentials"]["sip_password"], "pw-of-1010");
    clock.at += millis{5};
    const auto again = post(backend, phone());
    EXPECT_TRUE(again.data()["sip_credentials"]["sip_password"].is_null());
    EXPECT_EQ(again.data()["sip_credentials"]["sip_username"], "gencred101");
    EXPECT_EQ(again.text.find("pw-of-"), std::string::npos);
    ASSERT_FALSE(audit.lines.empty());
    EXPECT_EQ(audit.lines.front().action, "password_disclosed");
}

TEST_F(api_devices, sec_03_a_registration_that_ran_beside_the_first_gets_the_password_too) {
    const auto backend = acting(k_ada);
    ASSERT_EQ(post(backend, phone()).status, 201);
    // Disclosed by another request in the meantime, after this one began.
    row(k_ada, "phone-1").identity->disclosed_at = clock.at + millis{20};
    EXPECT_EQ(post(backend, phone()).data()["sip_credentials"]["sip_password"], "pw-of-1010");
    row(k_ada, "phone-1").identity->disclosed_at = clock.at - millis{20};
    EXPECT_TRUE(post(backend, phone()).data()["sip_credentials"]["sip_password"].is_null());
}

TEST_F(api_devices, sec_03_a_password_that_cannot_be_audited_does_not_leave) {
    audit.away = true;
    const auto r = post(acting(k_ada), phone());
    EXPECT_EQ(r.status, 503);
    EXPECT_EQ(r.text.find("pw-of-"), std::string::npos);
}

TEST_F(api_devices, sec_03_a_device_with_a_key_gets_the_password_sealed) {
    auto body = phone();
    body["device_public_key"] = adapter::crypto::base64(std::string("\x09") + std::string(31, '\0'));
    const auto r = post(acting(k_ada), body);
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_TRUE(r.data()["sip_credentials"]["sip_password"].is_null());
    EXPECT_TRUE(r.data()["sip_credentials"]["sip_password_sealed"].is_string());
    EXPECT_EQ(r.text.find("pw-of-"), std::string::npos);
}

TEST_F(api_devices, sec_03_old_clients_get_it_every_time_when_configured) {
    settings.credentials.password_in_replies = true;
    restart();
    const auto backend = acting(k_ada);
    (void)post(backend, phone());
    clock.at += millis{5};
    EXPECT_EQ(post(backend, phone()).data()["sip_credentials"]["sip_password"], "pw-of-1010");
    EXPECT_EQ(
        send("GET", "/api/voip/credentials?device_id=phone-1", backend).data()["sip_password"], "pw-of-1010"
    );
}

TEST_F(api_devices, old_clients_may_send_an_empty_push_token_when_configured) {
    const auto backend = acting(k_ada);
    const auto with_token = [](const char* field, const char* value) {
        auto body = phone(field[0] == 'f' ? "a-1" : "a-2", "android");
        body[field] = value;
        return body;
    };
    for (const char* field : {"fcm_token", "push_token"}) {
        const auto r = post(backend, with_token(field, ""));
        EXPECT_EQ(r.status, 422) << field;
        EXPECT_NE(r.text.find(field), std::string::npos);
    }
    settings.clients.empty_push_tokens = true;
    restart();
    for (const char* field : {"fcm_token", "push_token"}) {
        const auto r = post(backend, with_token(field, ""));
        EXPECT_LT(r.status, 300) << r.text;
        EXPECT_EQ(r.data()["push_token_required"], true) << "nothing was taken for a token";
    }
    EXPECT_EQ(post(backend, with_token("fcm_token", "undefined")).status, 422) << "empty, not whatever";
    const auto update = [&](const std::string& token) {
        return send(
            "POST", "/api/device-tokens/update-fcm", backend, json{{"device_id", "a-1"}, {"fcm_token", token}}
        );
    };
    EXPECT_EQ(update("f0" + std::string(40, 'f')).status, 200);
    devices.pushed.clear();
    auto later = update("");
    EXPECT_EQ(later.status, 200) << later.text;
    EXPECT_EQ(later.data()["push_state"], "active");
    EXPECT_TRUE(devices.pushed.empty()) << "the token it has stays";
    settings.clients.empty_push_tokens = false;
    restart();
    later = update("");
    EXPECT_EQ(later.status, 422);
}

TEST_F(api_devices, old_clients_may_have_blanks_in_their_device_ids_when_configured) {
    const auto backend = acting(k_ada);
    EXPECT_EQ(post(backend, phone("a'b")).status, 422);
    EXPECT_EQ(post(backend, phone("a b c")).status, 422);
    settings.clients.blanks_in_device_ids = true;
    restart();
    EXPECT_EQ(post(backend, phone("a'b")).status, 422) << "blanks, not whatever";
    for (const char* nothing : {" ", "   "})
        EXPECT_EQ(post(backend, phone(nothing)).status, 422);
    const auto r = post(backend, phone(" a b c "));
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_EQ(r.data()["device_id"], "a b c") << "blanks around it do not survive in a header";
    EXPECT_EQ(post(backend, phone("a b c")).status, 200) << "the same device";
    EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=a+b%20c", backend).status, 200);
    EXPECT_EQ(send("GET", "/api/voip/devices/self", plus(backend, {{"X-Z360-Device", "a b c"}})).status, 200);
    const with own{{"Authorization", "Bearer " + r.data()["device_token"].get<std::string>()}};
    EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=a%20b%20c", own).status, 200);
}

TEST_F(api_devices, a_device_goes_by_its_own_id_or_its_number) {
    const auto backend = acting(k_ada);
    ASSERT_EQ(post(backend, phone("phone-1")).status, 201);
    ASSERT_EQ(post(backend, phone("phone-2")).status, 201);
    const auto number = [&](const char* uid) {
        return send("GET", std::string("/api/voip/devices/self?device_id=") + uid, backend)
            .data()["id"]
            .dump();
    };
    const auto one = number("phone-1");
    const auto two = number("phone-2");
    EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=" + two, backend).data()["device_id"], "phone-2");
    EXPECT_EQ(
        send("GET", "/api/voip/devices/self", plus(backend, {{"X-Z360-Device", one}})).data()["device_id"],
        "phone-1"
    );
    for (const auto& name : {one, two, std::string("phone-1")}) {
        EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=" + name, acting(k_bob)).status, 404)
            << "somebody else's does not exist";
        EXPECT_EQ(send("DELETE", "/api/device-tokens/" + name, acting(k_bob)).status, 404);
    }
    for (const char* name : {"0", "-1", "99999999999999999999", "999999"})
        EXPECT_EQ(send("GET", std::string("/api/voip/devices/self?device_id=") + name, backend).status, 404)
            << name;
    // An own id that looks like another's number is that device.
    ASSERT_EQ(post(backend, phone(one.c_str())).status, 201);
    EXPECT_EQ(send("GET", "/api/voip/devices/self?device_id=" + one, backend).data()["device_id"], one);
    const auto gone = send("DELETE", "/api/device-tokens/" + two, backend);
    EXPECT_EQ(gone.status, 200) << gone.text;
    EXPECT_EQ(gone.data()["device_id"], "phone-2");
}

TEST_F(api_devices, cfg_03_an_sdk_that_can_gets_tokens_only_and_back_without_a_new_login) {
    settings.clients.jwt_from_sdk = {"android=3.4"};
    restart();
    auto body = phone("a-1", "android");
    body["sdk_version"] = "3.10.0";
    auto r = post(acting(k_ada), body);
    EXPECT_EQ(r.data()["auth_mode"], "jwt");
    EXPECT_TRUE(r.data()["sip_credentials"]["sip_password"].is_null());
    EXPECT_EQ(r.data()["sip_credentials"]["jwt_token"], "jwt-of-101");
    body["device_id"] = "a-2";
    body["sdk_version"] = "3.2.0";
    r = post(acting(k_ada), body);
    EXPECT_EQ(r.data()["auth_mode"], "credentials");
    EXPECT_TRUE(r.data()["sip_credentials"]["sip_password"].is_string());
    settings.clients.jwt_from_sdk.clear();
    restart();
    body["device_id"] = "a-1";
    body["sdk_version"] = "3.10.0";
    r = post(acting(k_ada), body);
    EXPECT_EQ(r.data()["auth_mode"], "credentials");
    EXPECT_TRUE(r.data()["sip_credentials"]["sip_password"].is_string()) << "it was never given away";
}

TEST_F(api_devices, and_11_a_device_by_token_never_receives_a_password) {
    settings.credentials.password_in_replies = true;
    settings.clients.jwt_from_sdk = {"ios=1"};
    restart();
    auto body = phone();
    body["sdk_version"] = "3.4.0";
    const auto r = post(acting(k_ada), body);
    const with own{{"Authorization", "Bearer " + r.data()["device_token"].get<std::string>()}};
    EXPECT_EQ(send("POST", "/api/voip/credentials/reveal", own).code(), "password_not_available");
    EXPECT_EQ(devices.passwords_read, 0);
}

TEST_F(api_devices, cred_03_without_the_carrier_it_registers_and_says_pending) {
    credentials.up = false;
    auto body = phone();
    body["voip_token"] = k_hex;
    const auto r = post(acting(k_ada), body);
    EXPECT_EQ(r.status, 202) << r.text;
    EXPECT_TRUE(r.data()["sip_credentials"].is_null());
    EXPECT_EQ(r.data()["identity_state"], "pending");
    EXPECT_EQ(r.data()["push_state"], "active");
    EXPECT_TRUE(r.data()["device_token"].is_string());
    credentials.up = true;
    EXPECT_EQ(post(acting(k_ada), body).data()["sip_credentials"]["sip_password"], "pw-of-1010");
}

TEST_F(api_devices, cfg_07_an_old_version_is_sent_to_the_store_and_registered_devices_go_on) {
    const auto own = device(k_ada, "phone-1");
    settings.clients.min_versions = {"ios=2.4.0"};
    settings.clients.store_urls = {"ios=https://apps.example.com/voip"};
    restart();
    auto body = phone();
    body["app_version"] = "2.3.99";
    const auto r = post(acting(k_ada), body);
    EXPECT_EQ(r.status, 426);
    EXPECT_EQ(r.code(), "upgrade_required");
    EXPECT_EQ(r.body["store_url"], "https://apps.example.com/voip");
    EXPECT_EQ(r.body["min_version"], "2.4.0");
    EXPECT_EQ(send("GET", "/api/voip/credentials", own).status, 200);
    body["app_version"] = "2.10";
    EXPECT_EQ(post(acting(k_ada), body).status, 200);
}

TEST_F(api_devices, ios_01_a_web_view_of_a_native_app_gets_no_identity) {
    (void)device(k_ada, "phone-1");
    auto body = phone("web_1", "web");
    body["embedded_webview"] = true;
    body["native_device_id"] = "phone-1";
    const auto asked = credentials.asked;
    const auto r = post(plus(cookie(k_ada), from_page()), body);
    EXPECT_EQ(r.status, 201);
    EXPECT_EQ(r.data()["native_handles_calls"], true);
    EXPECT_TRUE(r.data()["sip_credentials"].is_null());
    EXPECT_EQ(r.data()["identity_state"], "none");
    EXPECT_EQ(r.text.find("jwt-of"), std::string::npos);
    EXPECT_EQ(credentials.asked, asked);
    const auto refused =
        send("POST", "/api/voip/token", plus(cookie(k_ada), from_page()), json{{"device_id", "web_1"}});
    EXPECT_EQ(refused.code(), "native_handles_calls");
    EXPECT_EQ(
        post(plus(cookie(k_ada), from_page()), phone("web_2", "web")).data()["native_handles_calls"], false
    );
}

TEST_F(api_devices, web_06_the_apps_web_view_gets_no_token) {
    (void)device(k_ada, "web_1", "web");
    const with view{
        {"Cookie", cookie(k_ada)[0].second},
        {"User-Agent", "Mozilla/5.0 (iPhone) Z360Capacitor"},
        {"Origin", "https://app.example.com"}
    };
    EXPECT_EQ(send("POST", "/api/voip/token", view).code(), "native_handles_calls");
    const auto browser = plus(cookie(k_ada), from_page());
    EXPECT_EQ(send("POST", "/api/voip/token", browser).status, 200);
}

TEST_F(api_devices, and_17_missing_permissions_come_back_as_prompts) {
    auto body = phone("a-1", "android");
    body["capabilities"] = {{"full_screen_intent", false}, {"mic", true}, {"other", 3}};
    const auto r = post(acting(k_ada), body);
    ASSERT_EQ(r.data()["prompts"].size(), 1U);
    EXPECT_EQ(r.data()["prompts"][0]["capability"], "full_screen_intent");
}

TEST_F(api_devices, and_02_without_a_push_token_it_registers_and_is_asked_for_one) {
    const auto r = post(acting(k_ada), phone("a-1", "android"));
    EXPECT_EQ(r.status, 201);
    EXPECT_EQ(r.data()["push_token_required"], true);
    EXPECT_TRUE(r.data()["sip_credentials"]["jwt_token"].is_string());
    const auto null_token = json{{"device_id", "a-2"}, {"platform", "android"}, {"fcm_token", nullptr}};
    EXPECT_EQ(post(acting(k_ada), null_token).status, 201);
}

TEST_F(api_devices, old_aliases_and_the_browsers_placeholder_are_understood) {
    auto body = phone();
    body["apns_voip_token"] = k_hex;
    ASSERT_EQ(post(acting(k_ada), body).status, 201);
    ASSERT_EQ(devices.last->push.size(), 1U);
    EXPECT_EQ(devices.last->push[0].kind, port::push_kind::apns_voip);
    body = phone("phone-2");
    body["fcm_token"] = k_hex;
    body["push_token"] = std::string(64, 'b');
    ASSERT_EQ(post(acting(k_ada), body).status, 201);
    ASSERT_EQ(devices.last->push.size(), 2U);
    EXPECT_EQ(devices.last->push[0].kind, port::push_kind::apns_voip);
    EXPECT_EQ(devices.last->push[1].kind, port::push_kind::apns);
    body = phone("web_abc", "web");
    body["fcm_token"] = "web_web_abc";
    ASSERT_EQ(post(acting(k_ada), body).status, 201);
    EXPECT_TRUE(devices.last->push.empty());
}

TEST_F(api_devices, mob_02_a_new_push_token_needs_only_the_bearer) {
    const auto own = device(k_ada, "a-1", "android");
    const json update{{"device_id", "a-1"}, {"fcm_token", k_fcm}, {"issued_at", "2026-01-31T11:00:00Z"}};
    const auto r = send("POST", "/api/device-tokens/update-fcm", own, update);
    EXPECT_EQ(r.status, 200) << r.text;
    EXPECT_EQ(r.data()["push_state"], "active");
    ASSERT_EQ(devices.pushed.size(), 1U);
    EXPECT_EQ(devices.pushed[0].token.reveal(), k_fcm);
    EXPECT_EQ(devices.pushed[0].issued_at, parse_iso8601("2026-01-31T11:00:00Z"));
}

TEST_F(api_devices, mob_02_a_firebase_installation_is_registered_by_its_id) {
    const std::string fid = "fQwXwWgXcQ-0a1b2c3d4_5";
    auto body = phone("a-1", "android");
    body["fid"] = fid;
    const auto r = post(acting(k_ada), body);
    ASSERT_EQ(r.status, 201) << r.text;
    EXPECT_EQ(r.data()["push_state"], "active");
    EXPECT_EQ(r.data()["push_token_required"], false);
    ASSERT_EQ(devices.last->push.size(), 1U);
    EXPECT_EQ(devices.last->push[0].kind, port::push_kind::fcm_fid);
    EXPECT_EQ(devices.last->push[0].token.reveal(), fid);
    body["fcm_token"] = k_fcm;
    ASSERT_LT(post(acting(k_ada), body).status, 300);
    ASSERT_EQ(devices.last->push.size(), 1U) << "one address, in its newer form";
    EXPECT_EQ(devices.last->push[0].kind, port::push_kind::fcm_fid);
    const auto own = device(k_ada, "a-2", "android");
    const json update{{"device_id", "a-2"}, {"fid", fid}};
    const auto updated = send("POST", "/api/device-tokens/update-fcm", own, update);
    EXPECT_EQ(updated.status, 200) << updated.text;
    ASSERT_EQ(devices.pushed.size(), 1U);
    EXPECT_EQ(devices.pushed[0].kind, port::push_kind::fcm_fid);
}

TEST_F(api_devices, logging_out_removes_the_device_and_wakes_the_manager) {
    const auto own = device(k_ada, "phone-1");
    const auto r = send("DELETE", "/api/device-tokens/phone-1", own);
    EXPECT_EQ(r.status, 200);
    ASSERT_EQ(devices.removed.size(), 1U);
    EXPECT_EQ(devices.removed[0].reason, "logout");
    EXPECT_FALSE(credentials.looked_at.empty());
    EXPECT_EQ(send("DELETE", "/api/device-tokens/phone-1", acting(k_ada)).status, 404);
}

TEST_F(api_devices, and_11_devices_that_another_replaces_are_looked_at_at_once) {
    const auto own = device(k_ada, "phone-1");
    devices.replaces = {device_id{501}};
    devices.links = {device_id{502}};
    (void)device(k_ada, "phone-2");
    const auto seen = [this](std::int64_t d) {
        const auto& all = credentials.looked_at;
        return std::find(all.begin(), all.end(), device_id{d}) != all.end();
    };
    EXPECT_TRUE(seen(501));
    EXPECT_TRUE(seen(502));
    devices.replaces = {device_id{503}};
    const json body{{"device_id", "phone-1"}, {"fcm_token", k_fcm}};
    EXPECT_EQ(send("POST", "/api/device-tokens/update-fcm", own, body).status, 200);
    EXPECT_TRUE(seen(503));
    devices.replaces = {device_id{504}};
    const auto page = plus(cookie(k_ada), from_page());
    const json business{{"fcm_token", k_fcm_2}, {"platform", "android"}};
    EXPECT_EQ(send("POST", "/device-tokens", page, business).status, 303);
    EXPECT_TRUE(seen(504));
    credentials.looked_at.clear();
    EXPECT_EQ(send("DELETE", "/device-tokens", page, json{{"fcm_token", k_fcm_2}}).status, 303);
    EXPECT_EQ(credentials.looked_at.size(), 1U);
}

TEST_F(api_devices, b33_the_old_routes_store_business_pushes_and_go_back) {
    const auto who = plus(
        cookie(k_ada),
        {{"Origin", "https://app.example.com"}, {"Referer", "https://app.example.com/inbox?x=1"}}
    );
    auto r = send("POST", "/device-tokens", who, json{{"fcm_token", k_fcm}, {"platform", "android"}});
    EXPECT_EQ(r.status, 303);
    EXPECT_EQ(r.header("Location"), "/inbox?x=1");
    ASSERT_TRUE(devices.last);
    EXPECT_FALSE(devices.last->wants_identity);
    EXPECT_EQ(credentials.asked, 0);
    EXPECT_EQ(devices.last->device_uid.find(k_fcm), std::string::npos);
    r = send("DELETE", "/device-tokens", plus(cookie(k_ada), from_page()), json{{"fcm_token", k_fcm}});
    EXPECT_EQ(r.status, 303);
    EXPECT_EQ(r.header("Location"), "/");
    EXPECT_EQ(devices.removed.size(), 1U);
    const auto odd =
        plus(cookie(k_ada), {{"Origin", "https://app.example.com"}, {"Referer", "https://x//evil.example/"}});
    r = send("POST", "/device-tokens", odd, json{{"fcm_token", k_fcm}, {"platform", "android"}});
    EXPECT_EQ(r.header("Location"), "/");
}

TEST_F(api_devices, cfg_01_only_this_servers_apps_register) {
    settings.clients.bundle_ids = {"com.example.voip"};
    restart();
    auto body = phone();
    body["bundle_id"] = "com.other.app";
    EXPECT_EQ(post(acting(k_ada), body).body["errors"].count("bundle_id"), 1U);
    body["bundle_id"] = "com.example.voip";
    body["apns_env"] = "sandbox";
    EXPECT_EQ(post(acting(k_ada), body).status, 201);
}

TEST_F(api_devices, a_person_registers_in_their_organisations_only) {
    auto body = phone();
    body["organization_id"] = "8";
    EXPECT_EQ(post(acting(k_ada), body).data()["organization_id"], 8);
    body["organization_id"] = 9;
    const auto r = post(acting(k_ada), body);
    EXPECT_EQ(r.status, 403);
    EXPECT_EQ(r.body["message"], "Access denied");
    members.orgs[7].status = "suspended";
    EXPECT_EQ(post(acting(k_bob), phone("bob-1")).status, 403);
}

TEST(client_rules, versions_compare_by_number) {
    using edge::api::older;
    EXPECT_TRUE(older("3.9", "3.10"));
    EXPECT_TRUE(older("2.3.99", "2.4"));
    EXPECT_FALSE(older("2.4", "2.4.0"));
    EXPECT_FALSE(older("3.4.0-beta", "3.4"));
    EXPECT_FALSE(older("10", "9.9.9"));
}

TEST_F(api_devices, b_13_the_bearer_of_the_device_before_proves_that_it_is_the_same_phone) {
    const auto old = device(k_bob, "bobs-install");
    const auto old_id = row(k_bob, "bobs-install").id;
    auto body = phone();
    body["previous_device_token"] = old[0].second.substr(7);
    EXPECT_EQ(post(acting(k_ada), body).status, 201);
    EXPECT_EQ(devices.last->proved, std::vector{old_id});
    // Void ones and strangers' prove nothing, and a registration does not fail for them.
    for (auto& t : tokens.rows)
        if (t.row.device == old_id) t.row.revoked_at = clock.at;
    EXPECT_EQ(post(acting(k_ada), body).status, 200);
    EXPECT_TRUE(devices.last->proved.empty());
    body["previous_device_token"] = "z360d_elsewhere_" + std::string(43, 'A');
    EXPECT_EQ(post(acting(k_ada), body).status, 200);
    EXPECT_TRUE(devices.last->proved.empty());
    // What is no device token is a mistake of the app.
    for (const auto& text : {std::string("Bearer"), "z360s_test_" + std::string(43, 'A')}) {
        body["previous_device_token"] = text;
        const auto r = post(acting(k_ada), body);
        EXPECT_EQ(r.status, 422);
        EXPECT_TRUE(r.body["errors"].contains("previous_device_token"));
        EXPECT_EQ(r.text.find(text + "\""), std::string::npos);
    }
}
