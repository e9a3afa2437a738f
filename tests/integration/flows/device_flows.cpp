// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps may send at registration and what they are told, by age, platform and place.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class device_flow : public flow {
  protected:
    rig& apps(std::map<std::string, std::string> environment = {}) {
        rig_options o;
        o.devices = 0;
        o.environment = std::move(environment);
        o.environment["Z360_LIMITS_REGISTER_PER_MINUTE"] = "1000";
        return set_up(std::move(o));
    }
    /// A call is one dial, to this app.
    static void rings_alone(rig& r, const app& native) {
        const auto session = r.session(r.call());
        ASSERT_TRUE(r.ringing(session, 1));
        ASSERT_TRUE(settled(r, session));
        EXPECT_EQ(r.accepted("dial", session), 1U);
        EXPECT_EQ(leg_of(r, session, native).username, native.sip());
    }
};

std::string reasons(const api_reply& r, const std::string& field) {
    if (!r.json.contains("errors") || !r.json["errors"].contains(field)) return "";
    return r.json["errors"][field].dump();
}

} // namespace

TEST_F(device_flow, and_24_what_is_no_token_is_refused_with_field_and_reason) {
    auto& r = apps();
    const auto phone = install(r, "phone", "android", {{"fcm_token", fcm_token("good")}});
    const auto before = r.sql("select push_token_hash from devices");
    for (const char* junk :
         {"", "web", "undefined", "null", "none", "[object Object]", "short", "with blanks in it so"})
        for (const char* platform : {"ios", "android"})
            for (const char* field : {"fcm_token", "voip_token", "push_token"}) {
                SCOPED_TRACE(std::string(platform) + " " + field + " \"" + junk + "\"");
                const auto reply = r.register_device("new", platform, {{field, junk}});
                EXPECT_EQ(reply.status, 422) << reply.body;
                EXPECT_NE(reasons(reply, field), "");
            }
    EXPECT_EQ(r.register_device("new", "web", {{"fcm_token", fcm_token("good")}}).status, 422);
    for (const char* junk : {"", "web", "undefined", "[object Object]", "two words"}) {
        SCOPED_TRACE(junk);
        const auto id = r.register_device(junk);
        EXPECT_EQ(id.status, 422);
        EXPECT_NE(reasons(id, "device_id"), "");
        const auto update =
            phone.client.post("/api/device-tokens/update-fcm", {{"device_id", "phone"}, {"fcm_token", junk}});
        EXPECT_EQ(update.status, 422);
        EXPECT_NE(reasons(update, "fcm_token"), "");
    }
    EXPECT_EQ(r.sql("select count(*) from devices"), "1") << "nothing of a refused request is kept";
    EXPECT_EQ(r.sql("select push_token_hash from devices"), before) << "and the good token stays";
    EXPECT_EQ(r.carrier().credentials().size(), 1U);
}

TEST_F(device_flow, bad_input_is_named_whole_and_in_one_reply) {
    auto& r = apps({{"Z360_HTTP_MAX_BODY_BYTES", "65536"}});
    const auto by = r.service(r.user(), r.org());
    const json all_wrong{
        {"device_id", "undefined"}, {"platform", "symbian"},        {"app_version", 5},
        {"apns_env", "staging"},    {"device_name", json::array()}, {"device_public_key", "AAAA"},
        {"issued_at", "yesterday"}, {"capabilities", "all"}
    };
    const auto refused = by.post("/api/device-tokens", all_wrong);
    EXPECT_EQ(refused.status, 422);
    for (const auto& [field, value] : all_wrong.items())
        EXPECT_NE(reasons(refused, field), "") << field << " is missing in " << refused.body;
    EXPECT_EQ(refused.header("content-type"), "application/problem+json");

    const auto broken = by.send("POST", "/api/device-tokens", "{\"device_id\": \"a\",\n  \"platform\" }");
    EXPECT_EQ(broken.status, 400);
    EXPECT_EQ(broken.code(), "invalid_json");
    EXPECT_NE(broken.json.value("detail", "").find("line 2, column "), std::string::npos) << broken.body;
    EXPECT_EQ(by.send("POST", "/api/device-tokens", "[1]").status, 400);

    EXPECT_EQ(
        by.post("/api/device-tokens", {{"device_id", "a"}, {"device_name", std::string(70'000, 'n')}}).status,
        413
    );
    const auto more = r.register_device("good", "ios", {{"unheard_of", {{"deep", 1}}}, {"platform_", 7}});
    EXPECT_EQ(more.status, 201) << "unknown fields are ignored";
    for (const char* method : {"PUT", "PATCH"}) {
        const auto wrong = by.send(method, "/api/device-tokens", "{}");
        EXPECT_EQ(wrong.status, 405) << method;
        EXPECT_NE(wrong.header("allow").find("POST"), std::string::npos);
    }
    EXPECT_EQ(by.get("/api/voip/nothing").status, 404);
    EXPECT_EQ(r.sql("select count(*) from devices"), "1");
}

TEST_F(device_flow, cfg_03_a_device_that_logs_in_by_token_never_sees_a_password) {
    auto& r = apps(
        {{"Z360_CLIENTS_JWT_FROM_SDK", "android=3.4.0"}, {"Z360_CREDENTIALS_PASSWORD_IN_REPLIES", "true"}}
    );
    const auto fresh = install(r, "new-sdk", "android", {{"sdk_version", "3.4.0"}});
    const auto old = install(r, "old-sdk", "android", {{"sdk_version", "3.3.9"}});
    const auto browser = install(r, "browser", "web");
    for (const auto* by_token : {&fresh, &browser}) {
        SCOPED_TRACE(by_token->uid);
        EXPECT_EQ(by_token->reply.at("auth_mode"), "jwt");
        EXPECT_TRUE(by_token->reply.at("sip_credentials").at("sip_password").is_null());
        EXPECT_TRUE(by_token->reply.at("sip_credentials").at("jwt_token").is_string());
        EXPECT_TRUE(by_token->client.get("/api/voip/credentials").data().at("sip_password").is_null());
        EXPECT_EQ(by_token->client.post("/api/voip/credentials/reveal").code(), "password_not_available");
        const auto jwt = by_token->client.post("/api/voip/token").data().at("jwt_token").get<std::string>();
        EXPECT_TRUE(r.carrier().with([&](sim::carrier& c, time_point now) {
            return c.credentials().accepts_token(jwt, now);
        }));
    }
    EXPECT_EQ(old.reply.at("auth_mode"), "credentials");
    const auto password = old.reply.at("sip_credentials").at("sip_password").get<std::string>();
    EXPECT_TRUE(r.carrier().with([&](sim::carrier& c, time_point now) {
        return c.credentials().accepts_login(old.sip(), password, now);
    }));
}

TEST_F(device_flow, cfg_07_an_app_that_is_too_old_is_told_so_and_nothing_is_made) {
    auto& r = apps(
        {{"Z360_CLIENTS_MIN_VERSIONS", "ios=2.1.0"},
         {"Z360_CLIENTS_STORE_URLS", "ios=https://store.example/z360"}}
    );
    const auto old = r.register_device("old", "ios", {{"app_version", "2.0.99"}});
    EXPECT_EQ(old.status, 426);
    EXPECT_EQ(old.code(), "upgrade_required");
    EXPECT_EQ(old.json.value("min_version", ""), "2.1.0");
    EXPECT_EQ(old.json.value("store_url", ""), "https://store.example/z360");
    EXPECT_EQ(r.sql("select count(*) from devices"), "0");
    EXPECT_TRUE(r.carrier().credentials().empty());
    const auto fine = install(r, "new", "ios", {{"app_version", "2.1"}});
    EXPECT_EQ(fine.reply.at("client_config").at("min_version"), "2.1.0");
    EXPECT_EQ(r.register_device("android", "android", {{"app_version", "1.0"}}).status, 201);
}

TEST_F(device_flow, ios_01_web_06_and_25_a_web_view_inside_the_app_gets_no_identity) {
    auto& r = apps();
    const auto native = install(r, "native", "ios");
    const json linked{{"embedded_webview", true}, {"native_device_id", "native"}};
    const auto view = install(r, "view", "web", linked);
    EXPECT_TRUE(view.reply.at("native_handles_calls").get<bool>());
    EXPECT_TRUE(view.reply.at("sip_credentials").is_null());
    EXPECT_EQ(view.reply.at("identity_state"), "none");
    for (const auto& q : std::vector<request_line>{
             {"POST", "/api/voip/token", json::object()},
             {"GET", "/api/voip/credentials"},
             {"POST", "/api/voip/credentials/reveal", json::object()},
             {"POST", "/api/voip/switch-org", {{"target_organization_id", r.org()}}},
         }) {
        const auto reply = sent(view.client, q);
        EXPECT_EQ(reply.status, 403) << q.path;
        EXPECT_EQ(reply.code(), "native_handles_calls") << q.path;
    }
    EXPECT_EQ(r.carrier().credentials().size(), 1U);
    rings_alone(r, native);
}

TEST_F(device_flow, mob_14_one_dial_for_a_phone_whose_web_view_registered_first) {
    auto& r = apps();
    // It does not say that it is embedded, only whose it is; the app itself comes later.
    const auto view = install(r, "view", "web", {{"native_device_id", "native"}});
    const auto native = install(r, "native", "android");
    const auto again = install(r, "view", "web", {{"native_device_id", "native"}});
    EXPECT_TRUE(again.reply.at("native_handles_calls").get<bool>());
    EXPECT_TRUE(again.reply.at("sip_credentials").is_null());
    EXPECT_EQ(again.client.post("/api/voip/token").code(), "native_handles_calls");
    EXPECT_TRUE(eventually([&] { return r.carrier().live_credentials().size() == 1; }))
        << "the web view's identity ends at the carrier";
    rings_alone(r, native);
}

TEST_F(device_flow, b_33_the_page_inside_an_app_repeats_the_apps_push_token_and_the_app_goes_on_ringing) {
    auto& r = apps();
    const auto token = fcm_token("shared");
    const auto phone = install(r, "phone", "android", {{"fcm_token", token}});
    const auto page = r.service(r.user(), r.org());
    const json business{{"fcm_token", token}, {"platform", "android"}};
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(page.post("/device-tokens", business).status, 303);
    EXPECT_EQ(page.send("DELETE", "/device-tokens", business.dump()).status, 303);
    const auto self = phone.client.get("/api/voip/devices/self");
    ASSERT_EQ(self.status, 200) << self.body;
    EXPECT_EQ(self.data().at("push_state"), "active");
    EXPECT_EQ(r.sql("select count(*) from devices where status <> 'removed'"), "1");
    const auto session = r.session(r.call());
    EXPECT_TRUE(r.ringing(session, 1));
    // The other order: the app takes over what the page had left.
    const auto later = fcm_token("later");
    EXPECT_EQ(page.post("/device-tokens", {{"fcm_token", later}, {"platform", "android"}}).status, 303);
    const auto tablet = install(r, "tablet", "android", {{"fcm_token", later}});
    EXPECT_EQ(tablet.client.get("/api/voip/devices/self").data().at("push_state"), "active");
    EXPECT_EQ(r.sql("select count(*) from devices where status <> 'removed'"), "2");
}
