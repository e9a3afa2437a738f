// SPDX-License-Identifier: LicenseRef-z360-proprietary
// --push-test: whether a phone can be told by push, asked at a terminal while the server goes on.
#include "integration/flows/flow.hpp"
#include "integration/flows/people.hpp"
#include "support/run_program.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

using namespace z360;
using namespace z360::testing;
using nlohmann::json;

namespace {

const std::string k_voip = apns_token('a');
const std::string k_alert = apns_token('b');
const std::string k_fcm = fcm_token("cAndroid");

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class push_test_flow : public flow {
  protected:
    rig& phones() {
        rig_options o;
        o.devices = 0;
        o.push = true;
        rig_ = &set_up(std::move(o));
        rig_->know_iphone(k_voip, k_alert);
        rig_->know_android(k_fcm);
        (void)install(
            *rig_, "iphone", "ios",
            {{"bundle_id", rig::k_bundle},
             {"apns_env", "production"},
             {"voip_token", k_voip},
             {"push_token", k_alert}}
        );
        (void)install(*rig_, "pixel", "android", {{"fcm_token", k_fcm}, {"device_name", "Ada's Pixel"}});
        return *rig_;
    }
    /// With these settings in place of the server's. What it says holds no token and no key.
    ended run(const std::string& arguments, const std::map<std::string, std::string>& instead = {}) {
        auto environment = rig_->server().environment();
        for (const auto& [name, value] : instead)
            environment[name] = value;
        auto e = run_voipd("--push-test " + arguments, environment);
        for (const auto& secret : {k_voip, k_alert, k_fcm, std::string("eyJ"), std::string("ya29")})
            EXPECT_FALSE(says(e.out + e.err, secret)) << arguments;
        return e;
    }
    std::vector<json> ask(const std::string& arguments, int code = 0) {
        const auto e = run(arguments + " --json");
        EXPECT_EQ(e.code, code) << e.out << e.err;
        std::vector<json> out;
        std::istringstream in(e.out);
        for (std::string line; std::getline(in, line);)
            out.push_back(json::parse(line));
        return out;
    }
    std::size_t delivered(const std::string& token) {
        const auto all = rig_->pushes();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& p) {
            return p.token == token && p.delivered;
        }));
    }
    void forget(const std::string& provider, const std::string& token) {
        rig_->carrier().with_push([&](sim::push_desk& d, time_point now) {
            d.put_token(provider, token, {{"state", "unregistered"}}, now);
        });
    }
    void mishap(sim::push_fault f) {
        rig_->carrier().with_push([&](sim::push_desk& d, time_point now) { d.add_fault(std::move(f), now); });
    }
    rig* rig_ = nullptr;
};

} // namespace

TEST_F(push_test_flow, mob_01_an_iphone_shows_a_test_by_its_alert_token_and_pushkit_is_left_alone) {
    auto& r = phones();
    const auto e = run("iphone");
    EXPECT_EQ(e.code, 0) << e.out << e.err;
    EXPECT_EQ(e.err, "");
    for (const auto* line :
         {"has voip  alive  ", "has alert  alive  ", "production, as the app says",
          "ok      APNs key: read; key", "ok      APNs: 127.0.0.1: connected",
          "-       PushKit token: not sent to: ", "ok      alert token: accepted: 200 ", "not recorded"})
        EXPECT_TRUE(says(e.out, line)) << line << " in\n" << e.out;
    EXPECT_EQ(delivered(k_alert), 1U);
    EXPECT_EQ(delivered(k_voip), 0U);
    const auto push = r.pushes("push_test").at(0);
    EXPECT_EQ(push.push_type, "alert");
    EXPECT_EQ(push.topic, rig::k_bundle);
    EXPECT_EQ(push.body.at("aps").at("alert").at("title"), "Test");
    EXPECT_FALSE(push.body.contains("call_uuid"));
    EXPECT_EQ(r.sql("select count(*) from push_attempts"), "0") << "those are of calls";
}

TEST_F(push_test_flow, an_android_is_found_by_its_name_and_its_person) {
    auto& r = phones();
    const auto login = r.sql("select login from users where user_id = " + std::to_string(r.user()));
    const auto e = run("\"ada's pixel\" --user " + login);
    EXPECT_EQ(e.code, 0) << e.out << e.err;
    EXPECT_TRUE(says(e.out, "Ada's Pixel  android  device ")) << e.out;
    EXPECT_TRUE(says(e.out, "ok      FCM account: read; push@")) << e.out;
    EXPECT_TRUE(says(e.out, "ok      Google's access token: given")) << e.out;
    EXPECT_TRUE(says(e.out, "ok      FCM token: accepted: 200 projects/flow-tests/messages/")) << e.out;
    EXPECT_EQ(delivered(k_fcm), 1U);
    EXPECT_TRUE(r.pushes("push_test").at(0).body.at("message").contains("notification"));
    const auto id = r.sql("select device_id from devices where device_uid = 'pixel'");
    const auto lines = ask(id);
    ASSERT_GE(lines.size(), 6U);
    EXPECT_EQ(lines.at(0).at("device").at("device_id"), "pixel");
    EXPECT_EQ(lines.at(1).at("token").at("kind"), "fcm_token");
    EXPECT_EQ(lines.at(1).at("token").at("state"), "alive");
    EXPECT_EQ(lines.back().at("result"), "good");
    EXPECT_TRUE(lines.back().at("fix").is_null());
}

TEST_F(push_test_flow, nobody_sees_anything_of_a_dry_test) {
    auto& r = phones();
    const auto apple = run("iphone --dry");
    EXPECT_EQ(apple.code, 0) << apple.out << apple.err;
    EXPECT_TRUE(says(apple.out, "certificate and HTTP/2 settings taken")) << apple.out;
    EXPECT_TRUE(says(apple.out, "-       alert token: not sent to: APNs cannot look at a push")) << apple.out;
    EXPECT_TRUE(r.pushes().empty()) << "no request at all";
    const auto google = run("pixel --dry");
    EXPECT_EQ(google.code, 0) << google.out << google.err;
    EXPECT_TRUE(says(google.out, "ok      FCM token: valid, and not delivered: 200 ")) << google.out;
    EXPECT_EQ(delivered(k_fcm), 0U);
    const auto seen = r.pushes();
    ASSERT_EQ(seen.size(), 1U) << "FCM was asked";
    EXPECT_EQ(seen[0].token, k_fcm);
    forget("fcm", k_fcm);
    EXPECT_EQ(run("pixel --dry").code, 1) << "and says what it knows of the token";
}

TEST_F(push_test_flow, be_46_a_dead_token_is_named_with_what_heals_it) {
    auto& r = phones();
    forget("apns", k_alert);
    forget("fcm", k_fcm);
    const auto apple = run("iphone");
    EXPECT_EQ(apple.code, 1);
    EXPECT_TRUE(says(apple.out, "FAILED  alert token: 410 Unregistered; open the app")) << apple.out;
    const auto google = run("pixel");
    EXPECT_EQ(google.code, 1);
    EXPECT_TRUE(says(google.out, "FAILED  FCM token: 404 UNREGISTERED; open the app")) << google.out;
    EXPECT_EQ(r.sql("select count(*) from devices where push_invalid_at is not null"), "0")
        << "a test changes nothing";
    (void)r.sql("update devices set push_invalid_at = now(), push_invalid_reason = 'UNREGISTERED' where "
                "device_uid = 'pixel'");
    const auto before = r.pushes().size();
    const auto known = run("pixel");
    EXPECT_EQ(known.code, 1);
    EXPECT_TRUE(says(known.out, "has fcm_token  dead")) << known.out;
    EXPECT_TRUE(says(known.out, "FAILED  tokens: none that lives")) << known.out;
    EXPECT_EQ(r.pushes().size(), before) << "nothing is sent to a dead token";
}

TEST_F(push_test_flow, cfg_01_a_credential_that_is_refused_is_named_with_its_setting) {
    auto& r = phones();
    const auto apple = run("iphone", {{"Z360_PUSH_APNS_KEY_ID", "ANOTHERKEY"}});
    EXPECT_EQ(apple.code, 1);
    EXPECT_TRUE(says(apple.out, "FAILED  alert token: 403 InvalidProviderToken; check push.apns_key_id"))
        << apple.out;
    sim::push_fault refused;
    refused.match.provider = "google_token";
    refused.status = 400;
    refused.reason = "invalid_grant";
    mishap(refused);
    const auto google = run("pixel");
    EXPECT_EQ(google.code, 1);
    EXPECT_TRUE(says(google.out, "FAILED  Google's access token: 400 invalid_grant")) << google.out;
    EXPECT_TRUE(says(google.out, "-       FCM token: not sent to: see FCM above")) << google.out;
    EXPECT_EQ(delivered(k_alert) + delivered(k_fcm), 0U);
    const auto nowhere = run("iphone --dry", {{"Z360_PUSH_APNS_PORT", std::to_string(free_port())}});
    EXPECT_EQ(nowhere.code, 1);
    EXPECT_TRUE(says(nowhere.out, "FAILED  APNs: 127.0.0.1: not connected: ")) << nowhere.out;
    const auto untrusted = run("iphone --dry", {{"Z360_PUSH_CA_FILE", ""}});
    EXPECT_EQ(untrusted.code, 1);
    EXPECT_TRUE(says(untrusted.out, "not connected: tls_failed; its certificate is not trusted here"))
        << untrusted.out;
    const auto no_file = run("iphone", {{"Z360_PUSH_APNS_KEY_FILE", "/nonexistent/key.p8"}});
    EXPECT_EQ(no_file.code, 1);
    EXPECT_TRUE(says(no_file.out, "FAILED  APNs key: push.apns_key_file: ")) << no_file.out;
    EXPECT_TRUE(r.server().ready()) << "the server has no part in it";
}

TEST_F(push_test_flow, a_token_of_the_other_environment_is_found_there) {
    auto& r = phones();
    (void)r.sql("update devices set apns_env = 'sandbox' where device_uid = 'iphone'");
    const auto e = run("iphone");
    EXPECT_EQ(e.code, 0) << e.out << e.err;
    EXPECT_TRUE(says(e.out, "alert token: 400 BadDeviceToken: the other environment may know it")) << e.out;
    EXPECT_TRUE(says(e.out, "; it is one of production")) << e.out;
    EXPECT_EQ(delivered(k_alert), 1U);
}

TEST_F(push_test_flow, what_cannot_be_tested_is_refused_in_a_line) {
    auto& r = phones();
    const auto refused = [&](const std::string& arguments, int code,
                             const std::map<std::string, std::string>& instead = {}) {
        const auto e = run(arguments, instead);
        EXPECT_EQ(e.code, code) << e.out << e.err;
        EXPECT_EQ(e.out, "");
        EXPECT_EQ(std::count(e.err.begin(), e.err.end(), '\n'), 1) << e.err;
        return e.err;
    };
    EXPECT_TRUE(says(refused("tablet", 1), "there is no device \"tablet\""));
    const auto user = std::to_string(r.user());
    (void)install(r, "web_laptop", "web");
    const auto browser = run("web_laptop");
    EXPECT_EQ(browser.code, 1);
    EXPECT_TRUE(says(browser.out, "FAILED  tokens: a browser has none: no push reaches it")) << browser.out;
    (void)r.sql("update devices set status = 'removed', removed_at = now() where device_uid = 'web_laptop'");
    EXPECT_TRUE(says(refused("web_laptop", 1), "no push is sent to it: it is removed; sign in on it again"));
    EXPECT_TRUE(says(refused("tablet --user " + user, 1), "see --list-devices --user " + user));
    const std::map<std::string, std::string> none{
        {"Z360_PUSH_APNS_KEY_FILE", ""},
        {"Z360_PUSH_APNS_KEY_ID", ""},
        {"Z360_PUSH_APNS_TEAM_ID", ""},
        {"Z360_PUSH_APNS_BUNDLE_IDS", ""},
        {"Z360_PUSH_FCM_SERVICE_ACCOUNT_FILE", ""}
    };
    EXPECT_TRUE(says(refused("pixel", 2, none), "push is not configured: set push.apns_key_file"));
    (void)r.sql("update users set status = 'suspended'");
    EXPECT_TRUE(says(refused("pixel", 1), "no push is sent to it: its person is suspended; --create-user"));
}
