// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What both providers say, as it is read and judged.
#include "bed.hpp"

#include <z360/push/verdict.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::testing;
using namespace z360::wire;
using namespace std::chrono_literals;
using push::judgement;

namespace {

push::circumstances usual() {
    push::circumstances c;
    c.registered_at = k_now - 24h;
    c.now = k_now;
    return c;
}
judgement fcm(int status, std::string_view body) {
    return push::judge_fcm(read_fcm({status, body, ""}, k_now), usual()).what;
}
judgement apns(int status, std::string_view body) {
    auto c = usual();
    c.env_proven = true;
    return push::judge_apns(read_apns({status, body, "", ""}, k_now), c).what;
}
/// As Google writes them.
std::string
google(int status, const std::string& word, const std::string& details, const std::string& message = "m") {
    return R"({"error":{"code":)" + std::to_string(status) + R"(,"message":")" + message + R"(","status":")" +
           word + R"(","details":[)" + details + "]}}";
}
std::string code(const std::string& c) {
    return R"({"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":")" + c + R"("})";
}
std::string fields(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& n : names)
        out += (out.empty() ? "" : ",") + (R"({"field":")" + n + R"(","description":"d"})");
    return R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[)" + out + "]}";
}

const std::vector<std::string>& odd_bodies() {
    static const std::vector<std::string> k_all{
        "",
        " ",
        "null",
        "true",
        "7",
        "[]",
        "{}",
        "\"Unregistered\"",
        "<html>502</html>",
        "{\"reason\":",
        "\xFF\xFE",
        R"({"reason":null})",
        R"({"reason":7})",
        R"({"reason":["Unregistered"]})",
        R"({"reason":{"a":1}})",
        R"({"error":null})",
        R"({"error":"UNREGISTERED"})",
        R"({"error":[]})",
        R"({"error":{"details":{}}})",
        R"({"error":{"status":404,"details":[null,7,"x",[],{}]}})",
        R"({"error":{"details":[{"errorCode":"UNREGISTERED"}]}})",
        R"({"error":{"details":[{"@type":7,"errorCode":"UNREGISTERED"}]}})",
        std::string(300'000, 'x'),
        std::string(5'000, '['),
        R"({"reason":")" + std::string(10'000, 'U') + R"("})",
    };
    return k_all;
}

} // namespace

TEST(apns_answer, its_reason_time_and_id_are_read) {
    const auto a =
        read_apns({410, R"({"reason":"Unregistered","timestamp":1779990000000})", "5", "0f-id"}, k_now);
    EXPECT_EQ(a.status, 410);
    EXPECT_EQ(a.reason, "Unregistered");
    EXPECT_EQ(a.dead_since, time_point{1'779'990'000'000ms});
    EXPECT_EQ(a.retry_after, 5s);
    EXPECT_EQ(a.id, "0f-id");
    EXPECT_EQ(apns(410, R"({"reason":"Unregistered","timestamp":1779990000000})"), judgement::dead_token);
    EXPECT_EQ(apns(200, ""), judgement::done);
}

TEST(apns_answer, mob_02_a_time_that_is_none_kills_nothing) {
    for (const char* time :
         {"null", "\"1779990000000\"", "1779990000000.5", "-1", "0", "1", "99999999999999999",
          "18446744073709551615", "1e400", "NaN", "[1779990000000]", "9223372036854775807"}) {
        const auto body = std::string(R"({"reason":"Unregistered","timestamp":)") + time + "}";
        EXPECT_NE(apns(410, body), judgement::dead_token) << time;
    }
}

TEST(push_answers, mob_02_nothing_that_cannot_be_read_kills_a_token) {
    for (const int status :
         {0, 100, 200, 204, 302, 400, 401, 403, 404, 405, 410, 413, 429, 451, 500, 503, 504, 999})
        for (const auto& body : odd_bodies()) {
            EXPECT_NE(apns(status, body), judgement::dead_token) << status << body.substr(0, 50);
            EXPECT_NE(fcm(status, body), judgement::dead_token) << status << body.substr(0, 50);
        }
}

TEST(apns_answer, the_word_of_a_goaway_is_read) {
    EXPECT_EQ(read_apns_goaway(R"({"reason":"Shutdown"})"), "Shutdown");
    for (const auto& odd : odd_bodies())
        EXPECT_EQ(read_apns_goaway(odd), "") << odd.substr(0, 50);
}

TEST(fcm_answer, its_own_code_counts_before_the_word_of_the_status) {
    EXPECT_EQ(fcm(404, google(404, "NOT_FOUND", code("UNREGISTERED"))), judgement::dead_token);
    EXPECT_EQ(fcm(404, google(404, "NOT_FOUND", "")), judgement::configuration); // no such project
    EXPECT_EQ(fcm(403, google(403, "PERMISSION_DENIED", code("SENDER_ID_MISMATCH"))), judgement::dead_token);
    EXPECT_EQ(fcm(403, google(403, "PERMISSION_DENIED", "")), judgement::configuration);
    EXPECT_EQ(
        fcm(401, google(401, "UNAUTHENTICATED", code("THIRD_PARTY_AUTH_ERROR"))), judgement::configuration
    );
    EXPECT_EQ(fcm(401, google(401, "UNAUTHENTICATED", "")), judgement::retry);
    EXPECT_EQ(fcm(429, google(429, "RESOURCE_EXHAUSTED", code("QUOTA_EXCEEDED"))), judgement::later);
    EXPECT_EQ(fcm(503, google(503, "UNAVAILABLE", code("UNAVAILABLE"))), judgement::retry);
    EXPECT_EQ(
        read_fcm({404, google(404, "NOT_FOUND", code("UNREGISTERED")), ""}, k_now).reason, "UNREGISTERED"
    );
    // Wherever it stands among the details.
    const auto among =
        fields({"message.data"}) + "," + code("UNREGISTERED") + R"(,{"@type":"x/google.rpc.Help"})";
    EXPECT_EQ(fcm(404, google(404, "NOT_FOUND", among)), judgement::dead_token);
    EXPECT_EQ(fcm(200, R"({"name":"projects/z/messages/0:1"})"), judgement::done);
    EXPECT_EQ(
        read_fcm({200, R"({"name":"projects/z/messages/0:1"})", ""}, k_now).id, "projects/z/messages/0:1"
    );
}

TEST(fcm_answer, mob_02_our_own_payload_is_never_blamed_on_the_token) {
    const auto bad = [](const std::string& details, const std::string& message = "m") {
        return fcm(400, google(400, "INVALID_ARGUMENT", details, message));
    };
    const auto argument = code("INVALID_ARGUMENT");
    EXPECT_EQ(bad(argument + "," + fields({"message.token"})), judgement::dead_token);
    EXPECT_EQ(bad(fields({"message.fid"})), judgement::dead_token);
    EXPECT_EQ(bad(argument + "," + fields({"message.data[0].value"})), judgement::configuration);
    EXPECT_EQ(bad(fields({"message.android.ttl"})), judgement::configuration);
    EXPECT_EQ(bad(fields({"message.token", "message.data"})), judgement::configuration);
    EXPECT_EQ(bad(fields({"message.token"}) + "," + fields({"message.android"})), judgement::configuration);
    EXPECT_EQ(bad(fields({"message.android"}) + "," + fields({"message.token"})), judgement::configuration);
    EXPECT_EQ(bad(fields({"message.tokens"})), judgement::configuration);
    EXPECT_EQ(bad(fields({})), judgement::configuration);
    EXPECT_EQ(bad(argument), judgement::configuration);
    // Without details the sentence is all there is; with them it does not count.
    const std::string sentence = "The registration token is not a valid FCM registration token";
    EXPECT_EQ(bad(argument, sentence), judgement::dead_token);
    EXPECT_EQ(bad(fields({"message.data"}), sentence), judgement::configuration);
}

TEST(fcm_answer, be_28_whose_limit_it_is_and_how_long_it_lasts_are_read) {
    const auto limited = [](const std::string& subject) {
        return google(
            429, "RESOURCE_EXHAUSTED",
            code("QUOTA_EXCEEDED") +
                R"(,{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":")" +
                subject + R"("}]})"
        );
    };
    EXPECT_EQ(read_fcm({429, limited("device:abc"), ""}, k_now).limit, push::quota::device);
    EXPECT_EQ(read_fcm({429, limited("project:12"), ""}, k_now).limit, push::quota::project);
    EXPECT_EQ(read_fcm({429, limited("?"), ""}, k_now).limit, push::quota::unknown);
    const auto pause = [](const std::string& d, std::string_view header) {
        const auto info =
            R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" + d + R"("})";
        return read_fcm({429, google(429, "RESOURCE_EXHAUSTED", info), header}, k_now).retry_after;
    };
    EXPECT_EQ(pause("30s", ""), 30s);
    EXPECT_EQ(pause("1.500s", ""), 1500ms);
    EXPECT_EQ(pause("30s", "7"), 7s); // the header was meant for us
    for (const char* odd : {"", "s", "30", "-1s", "1e9s", "999999999999s", "NaNs", "30m"})
        EXPECT_EQ(pause(odd, ""), std::nullopt) << odd;
}

TEST(push_answers, be_14_retry_after_is_read_in_both_forms_and_nonsense_is_none) {
    EXPECT_EQ(read_retry_after("0", k_now), 0ms);
    EXPECT_EQ(read_retry_after("120", k_now), 120s);
    EXPECT_EQ(read_retry_after(" 7\t", k_now), 7s);
    EXPECT_EQ(read_retry_after("86400", k_now), 24h);
    EXPECT_EQ(read_retry_after("Thu, 28 May 2026 20:27:10 GMT", k_now), 30s);
    EXPECT_EQ(read_retry_after("Thu, 28 May 2026 20:26:10 GMT", k_now), 0ms); // has passed
    for (const char* odd :
         {"", " ", "-1", "+5", "1.5", "86401", "99999999999999999999", "soon", "0x10", "5s",
          "Thu, 28 May 2027 20:27:10 GMT", "Thu, 31 Feb 2026 20:27:10 GMT", "Thu, 28 May 2026 25:27:10 GMT",
          "Thu, 28 Mai 2026 20:27:10 GMT", "Thu, 28 May 2026 20:27:10 CET", "28 May 2026",
          "Thu, -1 May 2026 20:27:10 GMT"})
        EXPECT_EQ(read_retry_after(odd, k_now), std::nullopt) << odd;
}

TEST(token_grant, be_28_a_token_and_its_life_are_read) {
    const auto g =
        read_token_grant(200, R"({"access_token":"ya29.c.x","expires_in":3599,"token_type":"Bearer"})");
    EXPECT_EQ(g.token.reveal(), "ya29.c.x");
    EXPECT_EQ(g.life, 3599s);
    EXPECT_TRUE(g.error.empty());
    EXPECT_EQ(read_token_grant(200, R"({"access_token":"x","expires_in":1e300})").life, 24h);
}

TEST(token_grant, be_28_what_is_no_token_says_why_in_one_line) {
    for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
             {200, ""},
             {200, "{}"},
             {200, R"({"access_token":"x"})"},
             {200, R"({"access_token":"x","expires_in":0})"},
             {200, R"({"access_token":"x","expires_in":-5})"},
             {200, R"({"access_token":"a b","expires_in":9})"},
             {200, R"({"access_token":["x"],"expires_in":9})"},
             {200, R"({"access_token":"x","expires_in":"9"})"},
             {400, "<html>"},
             {500, ""},
             {0, ""},
             {400, R"({"access_token":"x","expires_in":9})"}
         }) {
        const auto g = read_token_grant(status, body);
        EXPECT_TRUE(g.token.empty()) << status << body;
        EXPECT_FALSE(g.error.empty()) << status << body;
        EXPECT_EQ(g.error.find('\n'), std::string::npos);
    }
    const auto g =
        read_token_grant(400, R"({"error":"invalid_grant","error_description":"Invalid JWT\nSignature."})");
    EXPECT_EQ(g.error, "invalid_grant: Invalid JWT Signature.");
    EXPECT_EQ(read_token_grant(503, "").error, "status 503");
}

TEST(token_grant, be_28_an_assertion_is_posted_as_a_form) {
    EXPECT_EQ(
        token_form(secret("aa.bb-_.cc")).reveal(),
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=aa.bb-_.cc"
    );
}
