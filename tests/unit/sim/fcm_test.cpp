// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the model of FCM takes and refuses, and in which words.
#include "push_signer.hpp"
#include "sim/fcm.hpp"
#include "sim/fcm_rules.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

const time_point k_now{1'780'000'000'000ms};
constexpr const char* k_token = "cZ9:APA91bExampleOfAToken";

const push_signer& account_key() {
    static const push_signer k_key(push_signer::kind::rsa);
    return k_key;
}

struct desk {
    google_tokens google;
    fcm_service service;
    std::string bearer;

    desk() {
        google.add_account({"push@example.com", "z360-example", account_key().public_pem()});
        service.put_device(k_token, {"z360-example", false, "com.example.voip", false});
        bearer = grant("https://www.googleapis.com/auth/firebase.messaging");
    }
    std::string grant(const std::string& scope) {
        push_request r;
        r.method = "POST";
        r.path = "/token";
        r.fields = {{"content-type", "application/x-www-form-urlencoded"}};
        const json claims{
            {"iss", "push@example.com"},
            {"scope", scope},
            {"aud", "https://oauth2.googleapis.com/token"},
            {"iat", seconds(k_now)},
            {"exp", seconds(k_now) + 3600}
        };
        r.body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                 account_key().token({{"alg", "RS256"}}, claims);
        return json::parse(google.take(r, k_now).reply.body).at("access_token").get<std::string>();
    }
    [[nodiscard]] static json call() {
        return {
            {"token", k_token},
            {"data", {{"type", "incoming_call"}, {"seq", "3"}}},
            {"android", {{"priority", "HIGH"}, {"ttl", "30s"}, {"direct_boot_ok", true}}},
            {"fcm_options", {{"analytics_label", "incoming_call"}}},
        };
    }
    push_answer
    post(const std::string& body, const std::string& project = "z360-example", millis later = 0ms) {
        push_request r;
        r.method = "POST";
        r.path = "/v1/projects/" + project + "/messages:send";
        r.fields = {{"content-type", "application/json"}};
        if (!bearer.empty()) r.fields.emplace_back("authorization", "Bearer " + bearer);
        r.body = body;
        return service.take(r, google, k_now + later);
    }
    push_answer send(const json& message) { return post(json{{"message", message}}.dump()); }
    push_answer changed(const char* pointer, const json& value) {
        auto m = call();
        m[json::json_pointer(pointer)] = value;
        return send(m);
    }
};

const json* detail(const json& error, const char* type) {
    if (!error.contains("details")) return nullptr;
    for (const auto& d : error.at("details"))
        if (d.at("@type") == std::string("type.googleapis.com/") + type) return &d;
    return nullptr;
}

void refused(const push_answer& a, int status, const std::string& word, const std::string& code) {
    EXPECT_EQ(a.reply.status, status) << a.reply.body;
    const auto error = json::parse(a.reply.body).at("error");
    EXPECT_EQ(error.at("code"), status);
    EXPECT_EQ(error.at("status"), word);
    const auto* of_fcm = detail(error, "google.firebase.fcm.v1.FcmError");
    EXPECT_EQ(of_fcm == nullptr ? std::string() : of_fcm->at("errorCode").get<std::string>(), code)
        << a.reply.body;
    EXPECT_FALSE(a.delivered);
}

void blames(const push_answer& a, const std::string& field, bool parsed) {
    refused(a, 400, "INVALID_ARGUMENT", parsed ? "INVALID_ARGUMENT" : "");
    const auto error = json::parse(a.reply.body).at("error");
    const auto* bad = detail(error, "google.rpc.BadRequest");
    ASSERT_TRUE(bad != nullptr) << a.reply.body;
    EXPECT_EQ(bad->at("fieldViolations").at(0).at("field"), field);
}

} // namespace

TEST(fcm, takes_a_call_and_names_the_message) {
    desk d;
    const auto a = d.send(desk::call());
    EXPECT_EQ(a.reply.status, 200) << a.reply.body;
    EXPECT_TRUE(a.delivered);
    EXPECT_TRUE(json::parse(a.reply.body)
                    .at("name")
                    .get<std::string>()
                    .starts_with("projects/z360-example/messages/0:"));
    EXPECT_TRUE(a.notes.empty()) << a.notes.front();
    EXPECT_NE(d.send(desk::call()).id, a.id);
}
TEST(fcm, takes_names_in_either_spelling_and_words_in_either_case) {
    desk d;
    auto m = desk::call();
    m["android"] = {{"priority", "high"}, {"ttl", "1.5s"}, {"directBootOk", true}, {"collapseKey", "x"}};
    m["fcmOptions"] = {{"analyticsLabel", "a"}};
    m.erase("fcm_options");
    EXPECT_TRUE(d.send(m).taken());
}
TEST(fcm, only_validated_reaches_nobody) {
    desk d;
    const auto a = d.post(json{{"message", desk::call()}, {"validate_only", true}}.dump());
    EXPECT_TRUE(a.taken());
    EXPECT_FALSE(a.delivered);
    EXPECT_EQ(json::parse(a.reply.body).at("name"), "projects/z360-example/messages/fake_message_id");
}
TEST(fcm, wants_an_access_token_that_lives_of_this_project_and_scope) {
    desk d;
    const auto good = d.bearer;
    refused(
        d.post(json{{"message", desk::call()}}.dump(), "z360-example", 3600s), 401, "UNAUTHENTICATED", ""
    );
    refused(d.post(json{{"message", desk::call()}}.dump(), "another"), 403, "PERMISSION_DENIED", "");
    d.bearer = "ya29.invented";
    refused(d.send(desk::call()), 401, "UNAUTHENTICATED", "");
    d.bearer = "";
    refused(d.send(desk::call()), 401, "UNAUTHENTICATED", "");
    d.bearer = d.grant("https://www.googleapis.com/auth/drive");
    refused(d.send(desk::call()), 403, "PERMISSION_DENIED", "");
    d.bearer = good;
    EXPECT_TRUE(d.send(desk::call()).taken());
}
TEST(fcm, other_paths_and_methods_are_not_found_in_html) {
    desk d;
    push_request r;
    r.method = "POST";
    r.path = "/fcm/send";
    EXPECT_EQ(d.service.take(r, d.google, k_now).reply.status, 404);
    r.method = "GET";
    r.path = "/v1/projects/z360-example/messages:send";
    const auto a = d.service.take(r, d.google, k_now);
    EXPECT_EQ(a.reply.status, 404);
    EXPECT_TRUE(a.reply.body.starts_with("<!DOCTYPE html>"));
    EXPECT_FALSE(fcm_project_in("/v1/projects//messages:send"));
    EXPECT_FALSE(fcm_project_in("/v1/projects/a/b/messages:send"));
}
TEST(fcm, a_message_has_exactly_one_target) {
    desk d;
    auto m = desk::call();
    m["topic"] = "news";
    blames(d.send(m), "message", false);
    m.erase("topic");
    m.erase("token");
    refused(d.send(m), 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
    m["topic"] = "news";
    EXPECT_TRUE(d.send(m).taken());
    m["topic"] = "no topic";
    blames(d.send(m), "message.topic", true);
    m.erase("topic");
    m["condition"] = "'a' in topics && 'b' in topics";
    EXPECT_TRUE(d.send(m).taken());
}
TEST(fcm, refuses_what_does_not_fit_the_schema) {
    desk d;
    blames(d.changed("/data/seq", 3), "message.data[0].value", false);
    blames(d.changed("/data/on", true), "message.data[0].value", false);
    blames(d.changed("/data", "text"), "message.data", false);
    blames(d.changed("/android/priority", "urgent"), "message.android.priority", false);
    blames(d.changed("/android/ttl", "30"), "message.android.ttl", false);
    blames(d.changed("/android/ttl", 30), "message.android.ttl", false);
    blames(d.changed("/android/ttl", "-1s"), "message.android.ttl", false);
    blames(d.changed("/android/direct_boot_ok", "yes"), "message.android.direct_boot_ok", false);
    blames(d.changed("/android/urgent", true), "message.android", false);
    blames(d.changed("/priority", "high"), "message", false);
    refused(d.post("{"), 400, "INVALID_ARGUMENT", "");
    refused(d.post("[]"), 400, "INVALID_ARGUMENT", "");
    blames(d.post("{}"), "message", true);
}
TEST(fcm, refuses_what_its_documents_forbid) {
    desk d;
    blames(d.changed("/data/from", "x"), "message.data.from", true);
    blames(d.changed("/data/message_type", "x"), "message.data.message_type", true);
    blames(d.changed("/data/google.x", "x"), "message.data.google.x", true);
    blames(d.changed("/android/ttl", "2419201s"), "message.android.ttl", true);
    EXPECT_TRUE(d.changed("/android/ttl", "2419200s").taken());
    EXPECT_TRUE(d.changed("/android/ttl", "0s").taken());
    blames(
        d.changed("/fcm_options/analytics_label", "with blank"), "message.fcm_options.analytics_label", true
    );
    blames(
        d.changed("/fcm_options/analytics_label", std::string(51, 'x')),
        "message.fcm_options.analytics_label", true
    );
}
TEST(fcm, keys_and_values_have_4096_bytes_together) {
    desk d;
    auto m = desk::call();
    const std::size_t used = std::string("typeincoming_callseq3").size() + 1;
    m["data"]["p"] = std::string(4096 - used, 'x');
    EXPECT_TRUE(d.send(m).taken());
    m["data"]["p"] = std::string(4097 - used, 'x');
    refused(d.send(m), 400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
    EXPECT_NE(d.send(m).reply.body.find("too big"), std::string::npos);
}
TEST(fcm, a_token_is_known_lives_and_belongs_to_the_project) {
    desk d;
    blames(d.changed("/token", "never-seen"), "message.token", true);
    EXPECT_NE(
        d.changed("/token", "never-seen").reply.body.find("not a valid FCM registration token"),
        std::string::npos
    );
    d.service.put_device(k_token, {"z360-example", false, "", true});
    refused(d.send(desk::call()), 404, "NOT_FOUND", "UNREGISTERED");
    d.service.put_device(k_token, {"another", false, "", false});
    refused(d.send(desk::call()), 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH");
    d.service.put_device(k_token, {"z360-example", false, "com.example.voip", false});
    EXPECT_TRUE(d.changed("/android/restricted_package_name", "com.example.voip").taken());
    blames(
        d.changed("/android/restricted_package_name", "com.example.other"),
        "message.android.restricted_package_name", true
    );
}
TEST(fcm, a_fid_is_no_token_and_a_token_no_fid) {
    desk d;
    d.service.put_device("fid-1", {"z360-example", true, "", false});
    auto m = desk::call();
    m["token"] = "fid-1";
    blames(d.send(m), "message.token", true);
    m.erase("token");
    m["fid"] = "fid-1";
    EXPECT_TRUE(d.send(m).taken());
    m["fid"] = k_token;
    blames(d.send(m), "message.fid", true);
}
TEST(fcm, any_token_is_taken_when_told_so_but_a_dead_one_is_dead) {
    desk d;
    d.service = fcm_service(fcm_settings{true});
    d.service.put_device("dead", {"z360-example", false, "", true});
    EXPECT_TRUE(d.send(desk::call()).taken());
    refused(d.changed("/token", "dead"), 404, "NOT_FOUND", "UNREGISTERED");
}
TEST(fcm, notes_what_makes_calls_late) {
    desk d;
    EXPECT_EQ(d.changed("/android/collapse_key", "c").notes.size(), 1U);
    EXPECT_EQ(d.changed("/android/priority", "NORMAL").notes.size(), 1U);
    EXPECT_EQ(d.changed("/notification", {{"title", "x"}}).notes.size(), 1U);
    auto m = desk::call();
    m.erase("android");
    EXPECT_EQ(d.send(m).notes.size(), 2U);
    m["data"]["type"] = "session_warning";
    EXPECT_TRUE(d.send(m).notes.empty());
    m["android"] = json::object();
    std::size_t noted = 0;
    for (int i = 0; i < 6; ++i) {
        m["android"]["collapse_key"] = "k" + std::to_string(i);
        noted = d.send(m).notes.size();
    }
    EXPECT_EQ(noted, 1U) << "a fifth collapse key";
}
TEST(fcm, errors_have_the_form_of_googles) {
    refused(fcm_service::refusal(usual_fcm_error(503, "")), 503, "UNAVAILABLE", "UNAVAILABLE");
    refused(fcm_service::refusal(usual_fcm_error(500, "")), 500, "INTERNAL", "INTERNAL");
    refused(
        fcm_service::refusal(usual_fcm_error(401, "THIRD_PARTY_AUTH_ERROR")), 401, "UNAUTHENTICATED",
        "THIRD_PARTY_AUTH_ERROR"
    );
    auto quota = usual_fcm_error(429, "");
    quota.quota = "device";
    quota.retry_after_s = 60;
    const auto a = fcm_service::refusal(quota);
    refused(a, 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED");
    const auto error = json::parse(a.reply.body).at("error");
    EXPECT_EQ(detail(error, "google.rpc.QuotaFailure")->at("violations").at(0).at("subject"), "device:sim");
    EXPECT_EQ(a.reply.fields.back(), (std::pair<std::string, std::string>("retry-after", "60")));
    EXPECT_EQ(json::parse(fcm_service::refusal(usual_fcm_error(418, "")).reply.body)["error"]["code"], 418);
}
