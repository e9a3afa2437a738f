// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Faults by script, and what is written down of each push.
#include "sim/push_desk.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace z360;
using namespace z360::sim;
using namespace std::chrono_literals;

namespace {

const time_point k_now{1'780'000'000'000ms};

// Which requests a fault applies to and what becomes of them is decided before a service looks at them; what
// they say is in apns_test and fcm_test. A refusal for its missing provider token is a service's word here.
struct desk {
    push_desk d;
    apns_connection on;
    time_point now = k_now;

    push_exchange apns(const std::string& token = "abcd", const std::string& kind = "incoming_call") {
        push_request r;
        r.method = "POST";
        r.path = "/3/device/" + token;
        r.body = json{{"aps", json::object()}, {"type", kind}}.dump();
        return d.take_apns(r, on, now);
    }
    push_exchange fcm(const std::string& token = "fcm-token") {
        push_request r;
        r.method = "POST";
        r.path = "/v1/projects/p/messages:send";
        r.body = json{{"message", {{"token", token}, {"data", {{"type", "call_ended"}}}}}}.dump();
        return d.take_google(r, now);
    }
    void fault(const json& j) { d.add_fault(push_fault::from_json(json::parse(j.dump())), now); }
};

int status(const push_exchange& e) {
    return e.answer.reply.status;
}

} // namespace

TEST(push_desk, a_fault_refuses_with_its_status_and_the_usual_reason) {
    desk d;
    d.fault({{"provider", "apns"}, {"status", 503}});
    EXPECT_EQ(status(d.apns()), 503);
    EXPECT_EQ(d.d.records().back().reason, "ServiceUnavailable");
    EXPECT_EQ(d.d.records().back().fault, "status");
    EXPECT_EQ(status(d.fcm()), 401) << "of another provider";
    d.d.clear_faults();
    EXPECT_EQ(status(d.apns()), 403);
    EXPECT_EQ(d.d.records().back().reason, "MissingProviderToken");
}
TEST(push_desk, every_reason_of_apples_table_can_be_played) {
    desk d;
    for (const char* reason :
         {"ExpiredProviderToken", "Shutdown", "TooManyProviderTokenUpdates", "IdleTimeout"}) {
        d.d.clear_faults();
        d.fault({{"status", 400}, {"reason", reason}});
        EXPECT_EQ(d.apns().answer.reason, reason);
    }
    d.d.clear_faults();
    d.fault({{"status", 410}, {"dead_for_ms", 60'000}});
    const auto body = json::parse(d.apns().answer.reply.body);
    EXPECT_EQ(body.at("reason"), "Unregistered");
    EXPECT_EQ(body.at("timestamp"), (k_now - 60s).time_since_epoch().count());
}
TEST(push_desk, every_code_of_googles_table_can_be_played) {
    desk d;
    struct row {
        int status;
        const char* reason;
        const char* expected;
    };
    for (const auto& r : std::vector<row>{
             {400, "", "INVALID_ARGUMENT"},
             {400, "INVALID_TOKEN", "INVALID_ARGUMENT"},
             {401, "", "UNAUTHENTICATED"},
             {401, "THIRD_PARTY_AUTH_ERROR", "THIRD_PARTY_AUTH_ERROR"},
             {403, "", "PERMISSION_DENIED"},
             {403, "SENDER_ID_MISMATCH", "SENDER_ID_MISMATCH"},
             {404, "", "UNREGISTERED"},
             {429, "", "QUOTA_EXCEEDED"},
             {500, "", "INTERNAL"},
             {503, "", "UNAVAILABLE"},
         }) {
        d.d.clear_faults();
        d.fault({{"status", r.status}, {"reason", r.reason}});
        const auto e = d.fcm();
        EXPECT_EQ(status(e), r.status);
        EXPECT_EQ(e.answer.reason, r.expected);
    }
    d.d.clear_faults();
    d.fault({{"status", 502}, {"retry_after_s", 7}});
    EXPECT_TRUE(d.fcm().answer.reply.body.starts_with("<!DOCTYPE html>"));
}
TEST(push_desk, faults_choose_by_token_hash_and_kind) {
    desk d;
    d.fault({{"token", "ABCD"}, {"status", 500}});
    EXPECT_EQ(status(d.apns("abcd")), 500);
    EXPECT_EQ(status(d.apns("abce")), 403);
    d.d.clear_faults();
    d.fault({{"token", to_json(d.d.records().back()).at("token_hash")}, {"status", 500}});
    EXPECT_EQ(status(d.apns("abce")), 500);
    EXPECT_EQ(status(d.apns("abcd")), 403);
    d.d.clear_faults();
    d.fault({{"kind", "call_ended"}, {"status", 500}});
    EXPECT_EQ(status(d.apns()), 403);
    EXPECT_EQ(status(d.apns("abcd", "call_ended")), 500);
    EXPECT_EQ(status(d.fcm()), 500);
}
TEST(push_desk, faults_choose_by_number_and_time) {
    desk d;
    d.fault({{"nth", 2}, {"status", 500}});
    EXPECT_EQ(status(d.apns()), 403);
    EXPECT_EQ(status(d.apns()), 500);
    EXPECT_EQ(status(d.apns()), 403);
    d.d.clear_faults();
    d.fault({{"times", 1}, {"from_ms", 1000}, {"until_ms", 2000}, {"status", 500}});
    EXPECT_EQ(status(d.apns()), 403);
    d.now += 1s;
    EXPECT_EQ(status(d.apns()), 500);
    EXPECT_EQ(status(d.apns()), 403);
    d.d.clear_faults();
    d.fault({{"until_ms", 1000}, {"status", 500}});
    d.now += 1s;
    EXPECT_EQ(status(d.apns()), 403);
}
TEST(push_desk, a_fault_takes_the_answer_away_before_or_after_the_push_takes_effect) {
    desk d;
    d.fault({{"instead", "drop"}});
    auto e = d.apns();
    EXPECT_EQ(e.course.how, push_course::ending::drop);
    EXPECT_FALSE(e.course.processed);
    EXPECT_EQ(d.d.records().back().status, 0);
    EXPECT_EQ(d.d.records().back().reason, "");
    d.d.clear_faults();
    d.fault({{"instead", "reset"}, {"processed", true}});
    e = d.apns();
    EXPECT_EQ(e.course.how, push_course::ending::reset);
    EXPECT_EQ(e.course.code, 2U);
    EXPECT_TRUE(e.course.processed);
    EXPECT_EQ(d.d.records().back().reason, "MissingProviderToken") << "it was looked at";
    d.d.clear_faults();
    d.fault({{"instead", "reset"}});
    EXPECT_EQ(d.apns().course.code, 7U) << "REFUSED_STREAM: nothing was done";
    d.d.clear_faults();
    d.fault(
        {{"instead", "goaway"}, {"h2_error", "ENHANCE_YOUR_CALM"}, {"reason", "Shutdown"}, {"delay_ms", 5}}
    );
    e = d.apns();
    EXPECT_EQ(e.course.code, 11U);
    EXPECT_EQ(e.course.debug, R"({"reason":"Shutdown"})");
    EXPECT_EQ(e.course.delay, 5ms);
}
TEST(push_desk, refuses_scripts_it_does_not_understand) {
    for (const json& j : std::vector<json>{
             {{"provider", "telnyx"}},
             {{"status", 200}},
             {{"instead", "vanish"}},
             {{"processed", true}},
             {{"h2_error", "REFUSED_STREAM"}},
             {{"instead", "reset"}, {"h2_error", "REFUSED"}},
             {{"instead", "drop"}, {"status", 500}},
             {{"colour", "red"}},
         })
        EXPECT_THROW((void)push_fault::from_json(json::parse(j.dump())), std::invalid_argument) << j.dump();
}
TEST(push_desk, tokens_are_registered_and_killed_by_script) {
    desk d;
    d.d.put_token("apns", "ABCD", {{"topic", "com.example.voip"}, {"environment", "sandbox"}}, k_now);
    EXPECT_TRUE(d.d.apns().device(apns_environment::sandbox, "abcd"));
    EXPECT_FALSE(d.d.apns().device(apns_environment::production, "abcd"));
    d.d.put_token(
        "apns", "abcd", {{"environment", "sandbox"}, {"state", "unregistered"}, {"dead_since_ms", 5}}, k_now
    );
    const auto dead = d.d.apns().device(apns_environment::sandbox, "abcd");
    EXPECT_EQ(dead->is, apns_device::state::unregistered);
    EXPECT_EQ(dead->topic, "com.example.voip") << "what is not said stays";
    EXPECT_EQ(dead->dead_since.time_since_epoch().count(), 5);
    d.d.put_token("fcm", "t", {{"project_id", "p"}, {"fid", true}}, k_now);
    d.d.put_token("fcm", "t", {{"state", "unregistered"}}, k_now);
    EXPECT_TRUE(d.d.fcm().device("t")->unregistered);
    EXPECT_TRUE(d.d.fcm().device("t")->by_fid);
    EXPECT_THROW(d.d.put_token("apns", "abcd", {{"state", "ill"}}, k_now), std::invalid_argument);
    EXPECT_THROW(d.d.put_token("apns", "ef", json::object(), k_now), std::invalid_argument) << "no topic";
    EXPECT_THROW(d.d.put_token("wns", "t", json::object(), k_now), std::invalid_argument);
    EXPECT_THROW(d.d.put_token("fcm", "u", json::object(), k_now), std::invalid_argument) << "no project";
}
TEST(push_desk, records_show_tokens_shortened) {
    desk d;
    (void)d.fcm("cZ9:APA91bSecretOfADevice");
    const auto shown = to_json(d.d.records().back()).dump();
    EXPECT_EQ(shown.find("SecretOfADevice"), std::string::npos) << shown;
    EXPECT_NE(shown.find("token_hash"), std::string::npos);
    (void)d.apns("a1a1a1a1b2b2b2b2");
    EXPECT_EQ(to_json(d.d.records().back()).dump().find("a1a1a1a1b2"), std::string::npos);
}
TEST(push_desk, keeps_no_body_that_is_larger_than_any_push) {
    desk d;
    (void)d.apns("abcd", std::string(10'000, 'x'));
    EXPECT_FALSE(d.d.records().back().body.is_null());
    (void)d.apns("abcd", std::string(17'000, 'x'));
    EXPECT_TRUE(d.d.records().back().body.is_null());
}
TEST(push_desk, keeps_the_newest_records_only) {
    push_desk_settings s;
    s.most_records = 3;
    push_desk d(std::move(s));
    push_request r;
    r.method = "POST";
    r.path = "/v1/projects/p/messages:send";
    for (int i = 0; i < 5; ++i)
        (void)d.take_google(r, k_now);
    ASSERT_EQ(d.records().size(), 3U);
    EXPECT_EQ(d.records().front().serial, 3U);
}
