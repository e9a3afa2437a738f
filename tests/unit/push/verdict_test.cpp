// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every answer of both providers, one line each, and everything that no line knows.
#include <z360/push/verdict.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::push;
using namespace std::chrono_literals;

namespace {

constexpr time_point k_now{1'780'000'000'000ms};

circumstances usual() {
    circumstances c;
    c.registered_at = k_now - 24h;
    c.now = k_now;
    return c;
}

answer said(int status, std::string reason) {
    answer a;
    a.status = status;
    a.reason = std::move(reason);
    return a;
}

// What is expected at the first time, and when that has been tried.
struct expected {
    int status;
    const char* reason;
    judgement first;
    judgement again;
    changes change{};
    bool fault = false;
};

const std::vector<expected>& apns_answers() {
    using j = judgement;
    constexpr auto k_config = j::configuration;
    static const std::vector<expected> k_all{
        {200, "", j::done, j::done},
        {400, "BadCollapseId", k_config, k_config},
        {400, "BadDeviceToken", j::retry, j::dead_token, {.other_environment = true}},
        {400, "BadExpirationDate", k_config, k_config},
        {400, "BadMessageId", k_config, k_config},
        {400, "BadPriority", k_config, k_config},
        {400, "BadTopic", k_config, k_config},
        {400, "DeviceTokenNotForTopic", k_config, k_config},
        {400, "DuplicateHeaders", k_config, k_config},
        {400, "IdleTimeout", j::retry, j::retry, {.other_connection = true}},
        {400, "InvalidPushType", k_config, k_config},
        {400, "MissingDeviceToken", k_config, k_config},
        {400, "MissingTopic", k_config, k_config},
        {400, "PayloadEmpty", k_config, k_config},
        {400, "TopicDisallowed", k_config, k_config},
        {403, "BadCertificate", k_config, k_config, {}, true},
        {403, "BadCertificateEnvironment", k_config, k_config, {}, true},
        {403, "BadEnvironmentKeyIdInToken", k_config, k_config, {}, true},
        {403, "BadEnvironmentKeyInToken", k_config, k_config, {}, true},
        {403, "ExpiredProviderToken", j::retry, k_config, {.fresh_token = true}},
        {403, "Forbidden", k_config, k_config, {}, true},
        {403, "InvalidProviderToken", k_config, k_config, {}, true},
        {403, "MissingProviderToken", k_config, k_config, {}, true},
        {403, "UnrelatedKeyIdInToken", j::new_connection, k_config, {.new_connection = true}},
        {404, "BadPath", k_config, k_config},
        {405, "MethodNotAllowed", k_config, k_config},
        {410, "ExpiredToken", j::dead_token, j::dead_token},
        {410, "Unregistered", j::dead_token, j::dead_token},
        {413, "PayloadTooLarge", j::retry, k_config, {.smaller = true}},
        {429, "TooManyProviderTokenUpdates", j::new_connection, j::new_connection, {.new_connection = true}},
        {429, "TooManyRequests", j::later, j::later},
        {500, "InternalServerError", j::retry, j::retry, {}, true},
        {503, "ServiceUnavailable", j::retry, j::retry, {}, true},
        {503, "Shutdown", j::retry, j::retry, {.other_connection = true}},
    };
    return k_all;
}

const std::vector<expected>& fcm_answers() {
    using j = judgement;
    constexpr auto k_config = j::configuration;
    static const std::vector<expected> k_all{
        {200, "", j::done, j::done},
        {400, "FAILED_PRECONDITION", k_config, k_config},
        {400, "INVALID_ARGUMENT", k_config, k_config}, // about our payload; about the token: see below
        {401, "THIRD_PARTY_AUTH_ERROR", k_config, k_config},
        {401, "UNAUTHENTICATED", j::retry, k_config, {.fresh_token = true}},
        {403, "PERMISSION_DENIED", k_config, k_config, {}, true},
        {403, "SENDER_ID_MISMATCH", j::dead_token, j::dead_token},
        {404, "NOT_FOUND", k_config, k_config},
        {404, "UNREGISTERED", j::dead_token, j::dead_token},
        {413, "INVALID_ARGUMENT", j::retry, k_config, {.smaller = true}},
        {429, "QUOTA_EXCEEDED", j::later, j::later},
        {429, "RESOURCE_EXHAUSTED", j::later, j::later},
        {500, "INTERNAL", j::retry, j::retry, {}, true},
        {503, "UNAVAILABLE", j::retry, j::retry, {}, true},
        {504, "DEADLINE_EXCEEDED", j::retry, j::retry, {}, true},
    };
    return k_all;
}

void check(provider p, const std::vector<expected>& all) {
    for (const auto& e : all) {
        SCOPED_TRACE(std::string(name(p)) + " " + std::to_string(e.status) + " " + e.reason);
        auto a = said(e.status, e.reason);
        if (e.status == 410) a.dead_since = k_now - 1h;
        auto c = usual();
        const auto first = judge(p, a, c);
        EXPECT_EQ(name(first.what), name(e.first));
        EXPECT_EQ(first.first, e.change);
        EXPECT_EQ(first.provider_fault, e.fault);
        EXPECT_TRUE(first.known);
        c.tried = {true, true, true, true, true};
        const auto again = judge(p, a, c);
        EXPECT_EQ(name(again.what), name(e.again));
    }
}

void check_complete(std::span<const table_row> table, const std::vector<expected>& all) {
    std::set<std::pair<int, std::string>> tested;
    for (const auto& e : all)
        EXPECT_TRUE(tested.emplace(e.status, e.reason).second) << e.reason << " is there twice";
    for (const auto& r : table)
        EXPECT_TRUE(tested.contains({r.status, std::string(r.reason)})) << r.reason << " is not tested";
    EXPECT_EQ(table.size(), all.size());
}

std::vector<int> odd_statuses() {
    return {
        0,
        -1,
        1,
        99,
        100,
        199,
        201,
        204,
        301,
        302,
        399,
        402,
        406,
        409,
        411,
        418,
        421,
        425,
        451,
        499,
        501,
        502,
        505,
        599,
        600,
        999,
        std::numeric_limits<int>::max(),
        std::numeric_limits<int>::min()
    };
}

} // namespace

TEST(verdict, be_14_every_answer_of_apns_has_its_class) {
    check(provider::apns, apns_answers());
    check_complete(apns_table(), apns_answers());
}

TEST(verdict, be_14_every_answer_of_fcm_has_its_class) {
    check(provider::fcm, fcm_answers());
    check_complete(fcm_table(), fcm_answers());
}

TEST(verdict, cfg_01_a_topic_that_does_not_fit_pages_and_keeps_the_token) {
    for (const char* reason : {"DeviceTokenNotForTopic", "TopicDisallowed", "BadTopic", "MissingTopic"}) {
        auto c = usual();
        for (const bool proven : {false, true}) {
            c.env_proven = proven;
            EXPECT_EQ(judge_apns(said(400, reason), c).what, judgement::configuration) << reason;
        }
    }
}

TEST(verdict, cfg_01_a_token_unknown_here_is_tried_once_in_the_other_environment) {
    auto c = usual();
    const auto first = judge_apns(said(400, "BadDeviceToken"), c);
    EXPECT_EQ(first.what, judgement::retry);
    EXPECT_TRUE(first.first.other_environment);
    EXPECT_TRUE(first.at_once);
    EXPECT_FALSE(first.provider_fault);
    c.tried.other_environment = true;
    EXPECT_EQ(judge_apns(said(400, "BadDeviceToken"), c).what, judgement::dead_token);
    // Where APNs has taken pushes for it before there is nothing to learn.
    c.tried = {};
    c.env_proven = true;
    EXPECT_EQ(judge_apns(said(400, "BadDeviceToken"), c).what, judgement::dead_token);
}

TEST(verdict, mob_02_only_a_token_registered_not_later_than_apns_says_dies) {
    auto c = usual();
    auto a = said(410, "Unregistered");
    a.dead_since = k_now - 1h;
    c.registered_at = *a.dead_since; // not later
    EXPECT_EQ(judge_apns(a, c).what, judgement::dead_token);
    c.registered_at = *a.dead_since + 1ms;
    EXPECT_EQ(judge_apns(a, c).what, judgement::later);
    c.registered_at = *a.dead_since - 1ms;
    EXPECT_EQ(judge_apns(a, c).what, judgement::dead_token);
    EXPECT_FALSE(judge_apns(a, c).provider_fault); // not counted as an error by Apple either
}

TEST(verdict, mob_02_a_missing_or_absurd_time_of_death_kills_nothing) {
    auto c = usual();
    auto a = said(410, "Unregistered");
    EXPECT_EQ(judge_apns(a, c).what, judgement::later);
    c.registered_at = time_point{}; // even one of which we do not know since when
    for (const auto t :
         {time_point{}, time_point{1'780'000'000ms} /* seconds */, time_point{-1ms}, k_now + 24h,
          k_now + 11min, time_point::max(), time_point::min()}) {
        a.dead_since = t;
        EXPECT_EQ(judge_apns(a, c).what, judgement::later) << t.time_since_epoch().count();
    }
    a.dead_since = k_now + 5min; // clocks differ
    EXPECT_EQ(judge_apns(a, c).what, judgement::dead_token);
}

TEST(verdict, mob_02_an_invalid_argument_costs_the_token_only_if_it_is_what_fcm_names) {
    auto a = said(400, "INVALID_ARGUMENT");
    EXPECT_EQ(judge_fcm(a, usual()).what, judgement::configuration);
    a.names_token = true;
    EXPECT_EQ(judge_fcm(a, usual()).what, judgement::dead_token);
    a.reason = "SOMETHING_ELSE";
    EXPECT_EQ(judge_fcm(a, usual()).what, judgement::configuration);
    a.reason = "INVALID_ARGUMENT";
    a.status = 500;
    EXPECT_EQ(judge_fcm(a, usual()).what, judgement::retry);
}

TEST(verdict, mob_02_no_unknown_word_and_no_unknown_status_kills_a_token) {
    auto statuses = odd_statuses();
    for (int s = 100; s < 600; ++s)
        statuses.push_back(s);
    for (const auto p : {provider::apns, provider::fcm})
        for (const int status : statuses)
            for (const char* reason :
                 {"", "Unknown", "unregistered", "UNREGISTERED ", "BadDeviceTokens", "?"}) {
                auto a = said(status, reason);
                a.dead_since = k_now - 1h;
                a.names_token = true;
                for (const bool proven : {false, true}) {
                    auto c = usual();
                    c.env_proven = proven;
                    c.tried = {true, true, true, true, true};
                    const auto v = judge(p, a, c);
                    EXPECT_NE(v.what, judgement::dead_token) << name(p) << status << reason;
                    EXPECT_EQ(v.what == judgement::done, status >= 200 && status < 300) << status;
                }
            }
}

TEST(verdict, mob_02_a_known_word_under_another_status_kills_nothing) {
    for (const char* reason : {"Unregistered", "ExpiredToken", "BadDeviceToken"})
        for (const int status : {401, 403, 404, 429, 500, 503}) {
            auto a = said(status, reason);
            a.dead_since = k_now - 1h;
            auto c = usual();
            c.env_proven = true;
            EXPECT_NE(judge_apns(a, c).what, judgement::dead_token) << status << reason;
        }
    for (const char* reason : {"UNREGISTERED", "SENDER_ID_MISMATCH"})
        for (const int status : {400, 401, 429, 500, 503})
            EXPECT_NE(judge_fcm(said(status, reason), usual()).what, judgement::dead_token)
                << status << reason;
}

TEST(verdict, be_14_what_no_line_knows_goes_by_its_status) {
    const auto by = [](int status) { return judge_apns(said(status, "New"), usual()); };
    EXPECT_EQ(by(400).what, judgement::configuration);
    EXPECT_EQ(by(403).what, judgement::configuration);
    EXPECT_TRUE(by(403).provider_fault);
    EXPECT_EQ(by(404).what, judgement::configuration);
    EXPECT_EQ(by(410).what, judgement::later);
    EXPECT_EQ(by(429).what, judgement::later);
    EXPECT_TRUE(by(413).first.smaller);
    EXPECT_TRUE(by(401).first.fresh_token);
    EXPECT_EQ(by(302).what, judgement::configuration);
    for (const int status : {500, 502, 503, 504, 599, 0, -7, 1000}) {
        EXPECT_EQ(by(status).what, judgement::retry) << status;
        EXPECT_TRUE(by(status).provider_fault) << status;
        EXPECT_FALSE(by(status).known);
    }
}

TEST(verdict, be_14_a_word_does_not_change_what_was_accepted) {
    EXPECT_EQ(judge_apns(said(200, "Unregistered"), usual()).what, judgement::done);
    EXPECT_EQ(judge_fcm(said(200, "UNREGISTERED"), usual()).what, judgement::done);
}

TEST(verdict, be_28_a_limit_of_nobody_named_counts_as_everybodys) {
    auto a = said(429, "QUOTA_EXCEEDED");
    EXPECT_TRUE(judge_fcm(a, usual()).for_all);
    a.limit = quota::project;
    EXPECT_TRUE(judge_fcm(a, usual()).for_all);
    a.limit = quota::device;
    EXPECT_FALSE(judge_fcm(a, usual()).for_all);
    EXPECT_FALSE(judge_apns(said(429, "TooManyRequests"), usual()).for_all);
}

TEST(verdict, be_14_a_pause_that_is_asked_for_comes_along_with_what_may_be_repeated) {
    auto a = said(503, "UNAVAILABLE");
    a.retry_after = 7s;
    EXPECT_EQ(judge_fcm(a, usual()).retry_after, 7s);
    a = said(429, "TooManyRequests");
    a.retry_after = 1s;
    EXPECT_EQ(judge_apns(a, usual()).retry_after, 1s);
    a = said(400, "BadTopic");
    a.retry_after = 1s;
    EXPECT_FALSE(judge_apns(a, usual()).retry_after);
}

TEST(verdict, be_28_a_new_provider_token_that_is_refused_too_is_a_fault_of_the_credential) {
    auto c = usual();
    EXPECT_FALSE(judge_apns(said(403, "ExpiredProviderToken"), c).provider_fault);
    c.tried.fresh_token = true;
    const auto again = judge_apns(said(403, "ExpiredProviderToken"), c);
    EXPECT_EQ(again.what, judgement::configuration);
    EXPECT_TRUE(again.provider_fault); // the breaker of this credential hears of it
}

TEST(verdict, be_14_too_many_token_updates_end_the_connection_and_not_the_token) {
    const auto v = judge_apns(said(429, "TooManyProviderTokenUpdates"), usual());
    EXPECT_EQ(v.what, judgement::new_connection);
    EXPECT_FALSE(v.first.fresh_token);
    EXPECT_TRUE(v.at_once);
    auto c = usual();
    c.tried.new_connection = true; // the team's limit, perhaps: with pauses
    EXPECT_FALSE(judge_apns(said(429, "TooManyProviderTokenUpdates"), c).at_once);
}

TEST(verdict, be_14_a_connection_that_went_away_uses_up_no_attempt_with_another_key) {
    auto c = usual();
    c.tried.other_connection = true; // its outcome was unknown, or the server shut down
    const auto v = judge_apns(said(403, "UnrelatedKeyIdInToken"), c);
    EXPECT_EQ(v.what, judgement::new_connection);
    EXPECT_TRUE(v.first.new_connection);
    EXPECT_TRUE(v.at_once);
}
