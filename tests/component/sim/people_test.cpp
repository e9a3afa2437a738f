// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Over HTTP: telephony credentials and their control API, the web product's sessions, Apple's keys.
#include "endpoint.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

struct stage {
    endpoint e;
    simulator sim{settings()};
    stage() { sim.start(); }

    simulator_settings settings() const {
        simulator_settings s;
        s.api_key = secret("key");
        s.app.primary = e.url("/hook");
        return s;
    }
    [[nodiscard]] std::string api(const std::string& rest = {}) const {
        return sim.base_url() + "/telephony_credentials" + rest;
    }
    [[nodiscard]] std::string root(const std::string& rest) const {
        return sim.base_url().substr(0, sim.base_url().size() - 3) + "/sim" + rest;
    }
    http::client_response ask(std::string method, std::string url, const json& body = json()) {
        return e.ask(request_to(std::move(method), std::move(url), body));
    }
    json make(const std::string& name) {
        const json body{{"connection_id", carrier_settings{}.credential_connection_id}, {"name", name}};
        const auto r = ask("POST", api(), body);
        EXPECT_EQ(r.status, 201) << r.body;
        return json::parse(r.body)["data"];
    }
    http::client_response with_cookie(const std::string& cookie) {
        http::client_request r;
        r.url = sim.introspection_url();
        r.headers.add("Cookie", cookie);
        return e.ask(std::move(r));
    }
};

} // namespace

TEST(people, credentials_have_the_carriers_rest_api) {
    stage s;
    const auto one = s.make("one");
    const auto id = one["id"].get<std::string>();
    EXPECT_EQ(s.e.ask(request_to("GET", s.api("/" + id), json(), "other")).status, 401);
    EXPECT_EQ(json::parse(s.ask("GET", s.api("/" + id)).body)["data"], one);
    s.make("two");
    const auto list = json::parse(s.ask("GET", s.api("?filter%5Bname%5D=two&page%5Bsize%5D=1")).body);
    EXPECT_EQ(list["data"].size(), 1U);
    EXPECT_EQ(list["meta"]["total_results"], 1);
    EXPECT_EQ(s.ask("PATCH", s.api("/" + id), json{{"tag", "t"}}).status, 200);
    const auto token = s.ask("POST", s.api("/" + id + "/token"));
    EXPECT_EQ(token.status, 201);
    EXPECT_TRUE(token.headers.get("Content-Type").starts_with("text/plain"));
    EXPECT_TRUE(token.body.starts_with("ey"));
    EXPECT_EQ(s.ask("DELETE", s.api("/" + id)).status, 200);
    EXPECT_EQ(s.ask("DELETE", s.api("/" + id)).status, 404);
    EXPECT_EQ(s.ask("POST", s.api(), json::object()).status, 422);
    EXPECT_EQ(s.sim.credentials().size(), 1U);
}

TEST(people, credentials_can_be_seeded_lost_and_broken_by_the_control_api) {
    stage s;
    const auto seeded = s.ask(
        "POST", s.root("/credentials"),
        json{{"name", "by hand"}, {"tag", "t"}, {"expires_at", "2042-01-01T00:00:00Z"}}
    );
    ASSERT_EQ(seeded.status, 201);
    const auto id = json::parse(seeded.body)["id"].get<std::string>();
    EXPECT_EQ(s.ask("GET", s.api("/" + id)).status, 200);
    EXPECT_EQ(s.ask("POST", s.root("/credentials"), json{{"expires_at", "soon"}}).status, 422);
    const json faults{{"commands", json::array({{{"credential", "by hand"}, {"status", 503}, {"times", 1}}})}
    };
    EXPECT_EQ(s.ask("POST", s.root("/faults"), faults).status, 200);
    EXPECT_EQ(s.ask("POST", s.api("/" + id + "/token")).status, 503);
    EXPECT_EQ(s.ask("POST", s.api("/" + id + "/token")).status, 201);
    EXPECT_EQ(s.ask("DELETE", s.root("/credentials/" + id)).status, 200);
    EXPECT_EQ(s.ask("DELETE", s.root("/credentials/" + id)).status, 422);
    EXPECT_EQ(s.ask("GET", s.api("/" + id)).status, 404);
    const auto all = json::parse(s.ask("GET", s.root("/credentials")).body);
    EXPECT_EQ(all["credentials"].size(), 1U);
    EXPECT_FALSE(all["credentials"][0]["deleted_at"].is_null());
    EXPECT_EQ(all["tokens"].size(), 1U);
    EXPECT_EQ(json::parse(s.ask("GET", s.root("/truth")).body)["live_credentials"], 0);
}

TEST(people, a_lost_answer_leaves_the_client_without_one) {
    stage s;
    command_fault f;
    f.verb = "create_credential";
    f.lose_reply = true;
    s.sim.add_fault(f);
    auto req = request_to(
        "POST", s.api(), json{{"connection_id", carrier_settings{}.credential_connection_id}, {"name", "one"}}
    );
    req.timeout = 200ms;
    EXPECT_EQ(s.e.ask(std::move(req)).status, 0);
    EXPECT_EQ(s.sim.live_credentials().size(), 1U);
}

TEST(people, accessors_do_what_the_control_api_does) {
    stage s;
    const auto id =
        s.sim.seed_credential("one", "t", carrier_settings{}.credential_connection_id, std::nullopt);
    EXPECT_TRUE(s.sim.expire_credential(id));
    EXPECT_TRUE(s.sim.live_credentials().empty());
    EXPECT_EQ(s.sim.credentials().size(), 1U);
    EXPECT_TRUE(s.sim.lose_credential(id));
    EXPECT_FALSE(s.sim.lose_credential(id));
}

TEST(people, sessions_of_the_web_product_can_be_introspected) {
    stage s;
    EXPECT_EQ(s.with_cookie("session=abc").status, 401);
    EXPECT_EQ(
        s.ask("PUT", s.root("/sessions/abc"), json{{"user_id", 7}, {"organization_id", 1}}).status, 200
    );
    EXPECT_EQ(s.ask("PUT", s.root("/sessions/abd"), json{{"user_id", 7}}).status, 422);
    const auto r = s.with_cookie("a=b; session=abc");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(json::parse(r.body)["user_id"], 7);
    EXPECT_EQ(json::parse(r.body)["active"], true);
    EXPECT_EQ(json::parse(s.ask("GET", s.root("/sessions")).body)["asked"]["abc"], 2);
    EXPECT_EQ(s.ask("PUT", s.root("/introspect"), json{{"status", 503}}).status, 200);
    EXPECT_EQ(s.with_cookie("session=abc").status, 503);
    s.sim.break_introspection(0);
    EXPECT_EQ(s.ask("DELETE", s.root("/sessions/abc")).status, 200);
    EXPECT_EQ(s.with_cookie("session=abc").status, 401);
    s.sim.put_session("xyz", json{{"user_id", 8}, {"organization_id", 2}});
    EXPECT_EQ(s.with_cookie("session=xyz").status, 200);
    EXPECT_EQ(s.sim.session_questions("xyz"), 1U);
    EXPECT_TRUE(s.sim.end_session("xyz"));
}

TEST(people, apple_publishes_keys_and_signs) {
    stage s;
    const auto keys = json::parse(s.ask("GET", s.sim.apple_keys_url()).body);
    ASSERT_EQ(keys["keys"].size(), 1U);
    const json who{{"sub", "001.abc"}, {"aud", "com.example.z360"}};
    const auto token = json::parse(s.ask("POST", s.root("/apple/token"), who).body);
    EXPECT_TRUE(token["identity_token"].get<std::string>().starts_with("ey"));
    EXPECT_EQ(s.ask("POST", s.root("/apple/token"), json{{"sub", "x"}}).status, 422);
    json event = who;
    event["type"] = "account-delete";
    EXPECT_TRUE(json::parse(s.ask("POST", s.root("/apple/event"), event).body)["payload"].is_string());
    EXPECT_EQ(s.ask("POST", s.root("/apple/rotate")).status, 200);
    EXPECT_EQ(json::parse(s.ask("GET", s.sim.apple_keys_url()).body)["keys"].size(), 2U);
    EXPECT_FALSE(s.sim.rotate_apple_key().empty());
    EXPECT_TRUE(s.sim.apple_token(who).starts_with("ey"));
    EXPECT_TRUE(s.sim.apple_notification(event)["payload"].is_string());
}
