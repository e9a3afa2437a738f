// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which assertions become access tokens.
#include "adapter/crypto/service_account.hpp"
#include "push_signer.hpp"
#include "sim/google_tokens.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360;
using namespace z360::sim;
using namespace z360::sim::testing;
using namespace std::chrono_literals;

namespace {

const time_point k_now{1'780'000'000'000ms};
constexpr const char* k_url = "https://oauth2.googleapis.com/token";
constexpr const char* k_scope = "https://www.googleapis.com/auth/firebase.messaging";
constexpr const char* k_email = "push@z360-example.iam.gserviceaccount.com";

const push_signer& account_key() {
    static const push_signer k_key(push_signer::kind::rsa);
    return k_key;
}

struct desk {
    google_tokens service;
    desk() { service.add_account({k_email, "z360-example", account_key().public_pem()}); }

    [[nodiscard]] static json claims() {
        return {
            {"iss", k_email},
            {"scope", k_scope},
            {"aud", k_url},
            {"iat", seconds(k_now)},
            {"exp", seconds(k_now) + 3600}
        };
    }
    [[nodiscard]] static std::string form(const std::string& assertion) {
        return "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + assertion;
    }
    push_answer post(const std::string& body) {
        push_request r;
        r.method = "POST";
        r.path = "/token";
        r.fields = {{"content-type", "application/x-www-form-urlencoded"}};
        r.body = body;
        return service.take(r, k_now);
    }
    push_answer with(const json& c) {
        return post(form(account_key().token({{"alg", "RS256"}, {"typ", "JWT"}}, c)));
    }
    push_answer changed(const char* name, const json& value) {
        auto c = claims();
        c[name] = value;
        return with(c);
    }
};

void refused(const push_answer& a, const std::string& error, const std::string& part) {
    EXPECT_EQ(a.reply.status, 400) << a.reply.body;
    const auto body = json::parse(a.reply.body);
    EXPECT_EQ(body.at("error"), error);
    EXPECT_NE(body.at("error_description").get<std::string>().find(part), std::string::npos) << a.reply.body;
}

} // namespace

TEST(google_tokens, a_right_assertion_becomes_an_access_token_for_an_hour) {
    desk d;
    const auto a = d.with(desk::claims());
    ASSERT_TRUE(a.taken()) << a.reply.body;
    const auto body = json::parse(a.reply.body);
    EXPECT_EQ(body.at("expires_in"), 3599);
    EXPECT_EQ(body.at("token_type"), "Bearer");
    const auto token = body.at("access_token").get<std::string>();
    using state = google_tokens::bearer::state;
    EXPECT_EQ(d.service.whose(token, k_now).is, state::good);
    EXPECT_EQ(d.service.whose(token, k_now).project_id, "z360-example");
    EXPECT_EQ(d.service.whose(token, k_now + 3598s).is, state::good);
    EXPECT_EQ(d.service.whose(token, k_now + 3599s).is, state::expired);
    EXPECT_EQ(d.service.whose("ya29.other", k_now).is, state::unknown);
    d.service.withdraw_all();
    EXPECT_EQ(d.service.whose(token, k_now).is, state::unknown);
}
TEST(google_tokens, takes_what_our_service_account_signs) {
    desk d;
    const json file{
        {"type", "service_account"}, {"project_id", "z360-example"},
        {"client_email", k_email},   {"private_key_id", "abc123"},
        {"token_uri", k_url},        {"private_key", account_key().private_pem()},
    };
    const auto ours = adapter::crypto::service_account::parse("fcm.file", "a test", secret(file.dump()));
    EXPECT_TRUE(d.post(desk::form(std::string(ours->assertion(k_now, k_scope).reveal()))).taken());
    google_tokens other;
    other.add_account(google_tokens::account_from(file));
    EXPECT_THROW((void)google_tokens::account_from(json{{"project_id", "x"}}), std::invalid_argument);
}
TEST(google_tokens, refuses_assertions_of_others) {
    desk d;
    refused(d.changed("iss", "other@example.com"), "invalid_grant", "account not found");
    refused(d.changed("aud", "https://example.com/token"), "invalid_grant", "audience");
    const push_signer stranger(push_signer::kind::rsa);
    refused(
        d.post(desk::form(stranger.token({{"alg", "RS256"}}, desk::claims()))), "invalid_grant",
        "Invalid JWT Signature."
    );
    refused(
        d.post(desk::form(account_key().token({{"alg", "none"}}, desk::claims()))), "invalid_grant", "RS256"
    );
    refused(d.post(desk::form("abc")), "invalid_grant", "Bad Request");
    d.service.allow_audience("https://example.com/token");
    EXPECT_TRUE(d.changed("aud", "https://example.com/token").taken());
}
TEST(google_tokens, refuses_times_that_are_too_long_too_late_or_none) {
    desk d;
    refused(d.changed("exp", seconds(k_now) + 3601), "invalid_grant", "short-lived");
    refused(d.changed("iat", seconds(k_now) + 120), "invalid_grant", "short-lived");
    refused(d.changed("exp", seconds(k_now) - 120), "invalid_grant", "short-lived");
    refused(d.changed("exp", "later"), "invalid_grant", "short-lived");
    auto old = desk::claims();
    old["iat"] = seconds(k_now) - 3700;
    old["exp"] = seconds(k_now) - 100;
    refused(d.with(old), "invalid_grant", "short-lived");
}
TEST(google_tokens, refuses_requests_that_are_no_grant) {
    desk d;
    refused(d.changed("scope", ""), "invalid_scope", "scope");
    refused(d.post("grant_type=password"), "unsupported_grant_type", "grant_type");
    refused(
        d.post("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"), "invalid_request",
        "assertion"
    );
    push_request r;
    r.method = "POST";
    r.path = "/token";
    r.fields = {{"content-type", "application/json"}};
    refused(d.service.take(r, k_now), "invalid_request", "form");
    r.method = "GET";
    EXPECT_EQ(d.service.take(r, k_now).reply.status, 405);
}
TEST(google_tokens, a_token_of_another_scope_is_not_one_for_messages) {
    desk d;
    const auto a = d.changed("scope", "https://www.googleapis.com/auth/drive");
    const auto token = json::parse(a.reply.body).at("access_token").get<std::string>();
    EXPECT_EQ(d.service.whose(token, k_now).is, google_tokens::bearer::state::out_of_scope);
    const auto many = d.changed(
        "scope", "https://www.googleapis.com/auth/drive https://www.googleapis.com/auth/cloud-platform"
    );
    const auto good = json::parse(many.reply.body).at("access_token").get<std::string>();
    EXPECT_EQ(d.service.whose(good, k_now).is, google_tokens::bearer::state::good);
    EXPECT_NE(token, good);
}
TEST(google_tokens, reads_forms) {
    const auto f = form_fields("a=1&b=x%20y+z&a=2&c&=d&e=");
    EXPECT_EQ(f.at("a"), "1");
    EXPECT_EQ(f.at("b"), "x y z");
    EXPECT_EQ(f.at("c"), "");
    EXPECT_EQ(f.at("e"), "");
    EXPECT_EQ(f.size(), 4U);
}
