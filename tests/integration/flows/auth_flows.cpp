// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who may ask what: bearers of this environment only, devices without cookies, cookies without devices.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "integration/flows/watch.hpp"

using namespace z360;
using namespace z360::testing;

namespace {

class auth_flow : public flow {};

rig_options of_environment(const std::string& name) {
    rig_options o;
    o.devices = 0;
    o.environment["Z360_SERVER_ENVIRONMENT"] = name;
    o.environment["Z360_SERVER_PUBLIC_URL"] = "https://" + name + ".voip.example";
    o.environment["Z360_LIMITS_FAILED_AUTH_PER_MINUTE"] = "1000";
    return o;
}

/// What a device may ask, naming itself as `uid`. Reveal is not among them: it is limited hard.
std::vector<request_line> device_requests(const std::string& uid, const std::string& call, std::int64_t org) {
    const auto query = "?device_id=" + uid;
    return {
        {"GET", "/api/device-tokens"},
        {"POST", "/api/device-tokens", {{"device_id", uid}, {"platform", "android"}}},
        {"POST", "/api/device-tokens/update-fcm", {{"device_id", uid}, {"fcm_token", fcm_token(uid)}}},
        {"GET", "/api/voip/devices/self" + query},
        {"GET", "/api/voip/credentials" + query},
        {"POST", "/api/voip/token", {{"device_id", uid}}},
        {"POST", "/api/voip/switch-org", {{"device_id", uid}, {"target_organization_id", org}}},
        {"POST", "/api/voip/restore-org"},
        {"GET", "/api/voip/call-status/" + call + query},
        {"GET", "/api/voip/my-active-call" + query},
        {"GET", "/api/voip/calls" + query},
        {"GET", "/api/voip/bootstrap" + query},
    };
}

void collect_urls(const json& j, std::vector<std::string>& out) {
    if (j.is_string()) {
        const auto& s = j.get_ref<const std::string&>();
        if (s.find("://") != std::string::npos) out.push_back(s);
    }
    if (j.is_structured())
        for (const auto& [key, v] : j.items())
            collect_urls(v, out);
}

} // namespace

TEST_F(auth_flow, and_01_a_bearer_of_one_environment_opens_nothing_in_another) {
    auto& a = set_up(of_environment("a"));
    rig b(of_environment("b"));
    const auto at_a = install(a, "phone");
    const auto at_b = install(b, "phone");
    const auto session = a.session(a.call());
    ASSERT_TRUE(a.ringing(session, 1));

    const auto refused_at_b = b.client().bearer(at_a.token);
    for (const auto& q : device_requests("phone", session, a.org())) {
        SCOPED_TRACE(q.method + " " + q.path);
        EXPECT_EQ(sent(at_a.client, q).status, 200);
        const auto r = sent(refused_at_b, q);
        EXPECT_EQ(r.status, 401);
        EXPECT_EQ(r.code(), "wrong_environment");
        EXPECT_EQ(r.json.value("credential", ""), "device_token") << r.body;
        EXPECT_NE(r.header("www-authenticate"), "");
    }
    EXPECT_EQ(b.client().bearer(made_up_bearer("b")).get("/api/voip/devices/self").code(), "token_unknown");
    EXPECT_EQ(at_b.client.get("/api/voip/devices/self").status, 200);
    EXPECT_EQ(b.complaints(), "");
}

TEST_F(auth_flow, and_01_cfg_05_every_address_a_server_tells_is_its_own_and_encrypted) {
    auto& a = set_up(of_environment("a"));
    const auto phone = install(a, "phone");
    const auto& told = phone.reply.at("client_config");
    EXPECT_EQ(told.at("environment"), "a");
    EXPECT_EQ(told.at("api_base_url"), "https://a.voip.example");
    EXPECT_EQ(told.at("ws_url"), "wss://a.voip.example/app");
    const auto session = a.session(a.call());
    ASSERT_TRUE(a.ringing(session, 1));
    std::vector<std::string> urls;
    collect_urls(phone.reply, urls);
    // A client that lies about the host learns nothing else either.
    const auto lying =
        phone.client.with("X-Forwarded-Host", "evil.example").with("X-Forwarded-Proto", "http");
    for (const auto& q : device_requests("phone", session, a.org()))
        for (const auto& client : {phone.client, lying})
            collect_urls(sent(client, q).json, urls);
    EXPECT_GE(urls.size(), 6U);
    for (const auto& u : urls)
        EXPECT_TRUE(u.starts_with("https://a.voip.example") || u.starts_with("wss://a.voip.example")) << u;
}

TEST_F(auth_flow, mob_13_a_bearer_without_a_cookie_is_all_a_device_needs) {
    rig_options o;
    o.devices = 0;
    o.nodes = 2;
    auto& r = set_up(std::move(o));
    const auto mine = install(r, "mine");
    const auto other = install(r, "other");
    const auto session = r.session(r.call());
    ASSERT_TRUE(r.ringing(session, 2));
    for (const auto& q : device_requests("mine", session, r.org()))
        EXPECT_EQ(sent(mine.client.at(r.server(1).port()), q).status, 200) << q.method << " " << q.path;
    EXPECT_EQ(mine.client.post("/api/voip/credentials/reveal").status, 200);

    const auto devices =
        "select string_agg(to_jsonb(d)::text, '') from (select device_id, status, push_state, "
        "name, platform, push_token_hash from devices where device_uid = 'other') d";
    const auto before = r.sql(devices);
    std::vector<request_line> on_the_other = device_requests("other", session, r.org());
    on_the_other.push_back({"DELETE", "/api/device-tokens/other"});
    for (const auto& q : on_the_other) {
        if (q.path == "/api/device-tokens" && q.method == "GET") continue; // the person's own list
        if (q.path == "/api/voip/restore-org") continue;                   // names nothing
        SCOPED_TRACE(q.method + " " + q.path);
        const auto reply = sent(mine.client, q);
        EXPECT_EQ(reply.status, 404);
        EXPECT_EQ(reply.code(), "device_unknown");
    }
    EXPECT_EQ(r.sql(devices), before);
    EXPECT_EQ(other.client.get("/api/voip/devices/self").status, 200);
}

TEST_F(auth_flow, mob_13_a_revoked_device_is_out_on_every_node_within_a_second) {
    rig_options o;
    o.devices = 0;
    o.nodes = 2;
    o.environment["Z360_LIMITS_FAILED_AUTH_PER_MINUTE"] = "1000";
    auto& r = set_up(std::move(o));
    const auto lost = install(r, "lost");
    const auto kept = install(r, "kept");
    for (const auto n : {0U, 1U}) // both have seen it lately
        ASSERT_EQ(lost.client.at(r.server(n).port()).get("/api/voip/devices/self").status, 200);
    const auto id = r.sql("select device_id from devices where device_uid = 'lost'");
    ASSERT_EQ(
        r.admin().remove("/api/admin/users/" + std::to_string(r.user()) + "/devices/" + id).status, 200
    );
    const auto began = std::chrono::steady_clock::now();
    for (const auto n : {0U, 1U}) {
        for (const auto& q : device_requests("lost", "none", r.org())) {
            const auto reply = sent(lost.client.at(r.server(n).port()), q);
            EXPECT_EQ(reply.status, 401) << q.method << " " << q.path << " at node " << n;
            // Once the carrier has forgotten it, so have we.
            EXPECT_TRUE(reply.code() == "token_revoked" || reply.code() == "token_unknown") << reply.body;
        }
        EXPECT_EQ(kept.client.at(r.server(n).port()).get("/api/voip/devices/self").status, 200);
    }
    EXPECT_LE(std::chrono::steady_clock::now() - began, 1s);
    const auto session = r.session(r.call());
    ASSERT_TRUE(r.ringing(session, 1));
    EXPECT_EQ(legs(r, session).size(), 2U) << "caller and the device that was kept";
}

TEST_F(auth_flow, mob_13_a_cookie_alone_works_and_an_outage_of_the_web_product_is_no_sign_out) {
    rig_options o;
    o.devices = 0;
    o.start = false;
    auto& r = set_up(std::move(o));
    auto& server = r.add_node(
        {{"Z360_AUTH_INTROSPECTION_URL", r.carrier().introspection_url()},
         {"Z360_AUTH_ALLOWED_ORIGINS", "https://app.example"}}
    );
    server.start();
    ASSERT_TRUE(server.ready());
    for (const char* who : {"known", "later"})
        r.carrier().put_session(who, {{"user_id", r.user()}, {"organization_id", r.org()}});
    const auto browser = r.client(1).cookie("theme=dark; session=known").with("User-Agent", "Mozilla/5.0");
    const auto page = browser.with("Origin", "https://app.example");
    const json body{{"device_id", "browser"}, {"platform", "web"}};

    EXPECT_EQ(browser.post("/api/device-tokens", body).code(), "origin_forbidden");
    EXPECT_EQ(
        browser.with("Origin", "https://evil.example").post("/api/device-tokens", body).code(),
        "origin_forbidden"
    );
    const auto registered = page.post("/api/device-tokens", body);
    ASSERT_EQ(registered.status, 201) << registered.body;
    EXPECT_EQ(browser.get("/api/voip/devices/self").data().at("device_id"), "browser");
    EXPECT_EQ(page.post("/api/voip/token").status, 200);
    EXPECT_EQ(
        page.with("User-Agent", "Mozilla/5.0 (iPhone) Z360Capacitor").post("/api/voip/token").code(),
        "native_handles_calls"
    );
    EXPECT_EQ(browser.get("/api/voip/my-active-call").status, 200);
    EXPECT_LE(r.carrier().session_questions("known"), 2U) << "the answer is remembered";

    const auto out = r.client(1).cookie("session=signed-out").get("/api/voip/devices/self");
    EXPECT_EQ(out.status, 401);
    EXPECT_EQ(out.code(), "session_invalid");
    EXPECT_EQ(out.json.value("credential", ""), "cookie") << out.body;
    EXPECT_EQ(r.client(1).get("/api/voip/devices/self").code(), "token_missing");

    r.carrier().break_introspection(500);
    const auto away = r.client(1).cookie("session=later").get("/api/voip/devices/self");
    EXPECT_EQ(away.status, 503) << "nobody knows is not: signed out";
    EXPECT_EQ(away.code(), "session_check_unavailable");
    EXPECT_NE(away.header("retry-after"), "");
    const auto token = registered.data().at("device_token").get<std::string>();
    EXPECT_EQ(r.client(1).bearer(token).get("/api/voip/devices/self").status, 200)
        << "bearers need no web product";
    r.carrier().break_introspection(0);
    EXPECT_EQ(
        r.client(1)
            .cookie("session=later")
            .with("User-Agent", "Mozilla/5.0")
            .get("/api/voip/devices/self")
            .status,
        200
    );
}

TEST_F(auth_flow, mob_13_a_code_registers_one_device_once) {
    rig_options o;
    o.devices = 0;
    auto& r = set_up(std::move(o));
    const auto made =
        r.admin().post("/api/admin/users/" + std::to_string(r.user()) + "/enrolment-codes", json::object());
    ASSERT_EQ(made.status, 201) << made.body;
    const auto code = r.client().bearer(made.data().at("enrolment_code").get<std::string>());
    const auto statuses = in_parallel(6, [&](int i) {
        return code.post("/api/device-tokens", {{"device_id", "p" + std::to_string(i)}, {"platform", "ios"}})
            .status;
    });
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 201), 1);
    EXPECT_EQ(std::count(statuses.begin(), statuses.end(), 401), 5);
    EXPECT_EQ(r.sql("select count(*) from devices"), "1");
    EXPECT_EQ(code.get("/api/voip/devices/self").status, 401);
}
