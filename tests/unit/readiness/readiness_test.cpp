// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/health_routes.hpp"
#include "edge/readiness.hpp"
#include "support/recording_metrics.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>

using namespace z360;
using namespace z360::edge;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

engine::figures figures(std::size_t slow, millis oldest, std::size_t unsaved = 0) {
    engine::figures f;
    f.slow_commits = slow;
    f.oldest_unsaved = oldest;
    f.unsaved_calls = unsaved;
    return f;
}

loop_state good(std::string name) {
    return {std::move(name), false, 0, "", 100ms};
}

boost::asio::awaitable<void>
call(const http::route* r, http::request req, std::optional<http::response>* out) {
    *out = co_await r->handle(std::move(req));
}

http::request from(std::string address, std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::request req;
    req.remote_address = std::move(address);
    for (auto& [name, value] : headers)
        req.headers.add(name, value);
    return req;
}

/// nullopt: there is no such route.
std::optional<http::response>
ask(const std::string& path, http::request req, health_access who, std::vector<readiness> all = {}) {
    test::recording_metrics metrics;
    metrics.count("figures_total", {}, 1);
    boost::asio::io_context io{1};
    std::optional<http::response> out;
    const auto routes = health_routes([&all] { return all; }, metrics, std::move(who));
    for (const auto& r : routes)
        if (r.pattern == path)
            boost::asio::co_spawn(io, call(&r, req, &out), [](const std::exception_ptr& e) {
                if (e) std::rethrow_exception(e);
            });
    io.run();
    return out;
}

http::response readyz(std::vector<readiness> all) {
    return ask("/readyz", from("127.0.0.1"), {}, std::move(all)).value();
}

health_access closed(const std::string& token = "", std::vector<std::string> proxies = {}) {
    return {secret(token), api::address_list(proxies), true, false};
}

constexpr const char* k_token = "0123456789abcdef0123456789abcdef";

} // namespace

TEST(readiness, a_slow_commit_now_and_then_takes_no_node_out) {
    for (const auto& f : {figures(0, 0ms), figures(2, 0ms), figures(2, 4'999ms, 7)}) {
        const auto r = commits_readiness(f);
        EXPECT_TRUE(r.ok) << r.detail;
        EXPECT_TRUE(r.needed);
        EXPECT_EQ(r.detail, "");
    }
}

TEST(readiness, commits_that_hang_or_come_late_again_and_again_take_it_out_and_say_so) {
    const auto slow = commits_readiness(figures(3, 0ms));
    EXPECT_FALSE(slow.ok);
    EXPECT_TRUE(slow.needed);
    EXPECT_THAT(slow.detail, HasSubstr("3 commits of the last 10 s"));
    EXPECT_THAT(slow.detail, Not(HasSubstr("memory")));
    const auto hang = commits_readiness(figures(0, 5'000ms, 7));
    EXPECT_FALSE(hang.ok);
    EXPECT_THAT(hang.detail, HasSubstr("7 calls are decided in memory only, the oldest for 5 s"));
    const auto both = commits_readiness(figures(9, 61'900ms, 7));
    EXPECT_FALSE(both.ok);
    EXPECT_THAT(both.detail, HasSubstr("61 s | 9 commits"));
    EXPECT_THAT(both.detail, HasSubstr("Postgres"));
}

TEST(readiness, i_03_a_late_loop_is_named_with_its_last_error) {
    const auto fine = loops_readiness("loops", {good("sweep"), good("purge")}, true);
    EXPECT_TRUE(fine.ok);
    EXPECT_TRUE(fine.needed);
    EXPECT_EQ(fine.detail, "");
    const auto late = loops_readiness(
        "loops", {good("sweep"), {"purge", true, 4, "postgres: SQLSTATE 42P01\nDETAIL of a row", 17'300ms}},
        true
    );
    EXPECT_FALSE(late.ok);
    EXPECT_EQ(
        late.detail, "purge: late, no round has succeeded for 17 s; last error: postgres: SQLSTATE 42P01"
    );
    const auto hangs = loops_readiness("loops", {{"sweep", true, 0, "", 15'000ms}}, false);
    EXPECT_FALSE(hangs.ok);
    EXPECT_FALSE(hangs.needed);
    EXPECT_EQ(hangs.detail, "sweep: late, no round has succeeded for 15 s");
}

TEST(readiness, loops_that_fail_without_being_late_are_shown_and_needed_by_nobody) {
    const auto r = loops_readiness(
        "loops", {{"sweep", false, 1, std::string(1'000, 'x'), 1s}, {"purge", false, 3, "no", 1s}}, true
    );
    EXPECT_TRUE(r.ok);
    EXPECT_THAT(r.detail, HasSubstr("sweep: 1 round failed; last error: xxx"));
    EXPECT_THAT(r.detail, HasSubstr("| purge: 3 rounds in a row failed; last error: no"));
    EXPECT_LT(r.detail.size(), 300U);
}

TEST(readiness, readyz_is_503_only_for_what_is_needed_and_survives_odd_texts) {
    const auto well = readyz({{"database", true, true, ""}, {"redis", false, false, "away"}});
    EXPECT_EQ(well.status, 200);
    const auto ill =
        readyz({{"database", true, true, ""}, {"loops", false, true, "bytes \xff\xfe of an error"}});
    EXPECT_EQ(ill.status, 503);
    const auto body = nlohmann::json::parse(ill.body);
    EXPECT_FALSE(body.at("ready").get<bool>());
    EXPECT_FALSE(body.at("checks").at("loops").at("ok").get<bool>());
    EXPECT_THAT(body.at("checks").at("loops").at("detail").get<std::string>(), HasSubstr("of an error"));
}

TEST(health_access, details_are_for_this_machine_and_who_brings_the_token) {
    struct line {
        http::request req;
        bool sees;
    };
    const std::string bearer = std::string("Bearer ") + k_token;
    const std::vector<line> without_token{
        {from("127.0.0.1"), true},
        {from("127.8.9.10"), true},
        {from("::1"), true},
        {from("::ffff:127.0.0.1"), true},
        {from("10.0.0.7"), false},
        {from("192.0.2.1"), false},
        {from("2001:db8::1"), false},
        {from(""), false},
        {from("192.0.2.1", {{"X-Forwarded-For", "127.0.0.1"}}), false},
        {from("192.0.2.1", {{"Authorization", "Bearer "}}), false},
        // A proxy on this machine, which nobody has named: what it brings comes from elsewhere.
        {from("127.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}}), false},
        {from("127.0.0.1", {{"X-Forwarded-For", "127.0.0.1"}}), false},
        {from("127.0.0.1", {{"Forwarded", "for=192.0.2.1"}}), false},
        {from("127.0.0.1", {{"X-Real-IP", "192.0.2.1"}}), false},
        {from("127.0.0.1", {{"Via", "1.1 proxy"}}), false},
    };
    for (const auto& [req, sees] : without_token)
        EXPECT_EQ(may_see_details(req, closed()), sees) << req.remote_address;
    const std::vector<line> with_token{
        {from("192.0.2.1", {{"Authorization", bearer}}), true},
        {from("192.0.2.1", {{"authorization", std::string("bearer ") + k_token}}), true},
        {from("127.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}, {"Authorization", bearer}}), true},
        {from("192.0.2.1", {{"Authorization", bearer + "x"}}), false},
        {from("192.0.2.1", {{"Authorization", bearer.substr(0, bearer.size() - 1)}}), false},
        {from("192.0.2.1", {{"Authorization", "Bearer 0123456789abcdef0123456789abcdeX"}}), false},
        {from("192.0.2.1", {{"Authorization", k_token}}), false},
        {from("192.0.2.1"), false},
        {from("127.0.0.1"), true},
    };
    for (const auto& [req, sees] : with_token)
        EXPECT_EQ(may_see_details(req, closed(k_token)), sees) << req.headers.get("Authorization");
    // A trusted proxy tells who asks.
    const auto behind = closed("", {"127.0.0.1"});
    EXPECT_FALSE(may_see_details(from("127.0.0.1", {{"X-Forwarded-For", "192.0.2.1"}}), behind));
    EXPECT_FALSE(may_see_details(from("127.0.0.1", {{"X-Forwarded-For", "127.0.0.1, 192.0.2.1"}}), behind));
    EXPECT_TRUE(may_see_details(from("127.0.0.1", {{"X-Forwarded-For", "127.0.0.1"}}), behind));
    EXPECT_TRUE(may_see_details(from("127.0.0.1"), behind));
}

TEST(health_access, readyz_tells_others_that_and_not_why) {
    const std::vector<readiness> all{
        {"database", false, true, "host db-7.internal role z360_owner"}, {"redis", true, false, ""}
    };
    const auto other = ask("/readyz", from("192.0.2.1"), closed(), all).value();
    EXPECT_EQ(other.status, 503);
    EXPECT_EQ(
        nlohmann::json::parse(other.body),
        nlohmann::json::parse(R"({"ready":false,"checks":{"database":{"ok":false,"needed":true},
                                  "redis":{"ok":true,"needed":false}}})")
    );
    EXPECT_THAT(ask("/readyz", from("127.0.0.1"), closed(), all).value().body, HasSubstr("db-7.internal"));
    EXPECT_EQ(ask("/healthz", from("192.0.2.1"), closed()).value().status, 200);
}

TEST(health_access, figures_are_refused_to_others_with_the_fix) {
    EXPECT_THAT(ask("/metrics", from("127.0.0.1"), closed()).value().body, HasSubstr("figures_total 1"));
    const auto refused = ask("/metrics", from("192.0.2.1"), closed()).value();
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(refused.body, HasSubstr("metrics.token"));
    EXPECT_THAT(refused.body, Not(HasSubstr("figures_total")));
    const auto asked = ask("/metrics", from("192.0.2.1"), closed(k_token)).value();
    EXPECT_EQ(asked.status, 401);
    EXPECT_EQ(asked.headers.get("WWW-Authenticate"), "Bearer");
    const auto let_in =
        ask("/metrics", from("192.0.2.1", {{"Authorization", std::string("Bearer ") + k_token}}),
            closed(k_token));
    EXPECT_EQ(let_in.value().status, 200);
}

TEST(health_access, figures_may_have_a_listener_of_their_own) {
    auto main = closed();
    main.metrics = false;
    EXPECT_FALSE(ask("/metrics", from("127.0.0.1"), main).has_value());
    EXPECT_TRUE(ask("/readyz", from("127.0.0.1"), main).has_value());
    auto own = closed();
    own.open = true;
    EXPECT_EQ(ask("/metrics", from("10.0.0.7"), own).value().status, 200) << "whoever reaches it";
    own.token = secret(k_token);
    EXPECT_EQ(ask("/metrics", from("10.0.0.7"), own).value().status, 401) << "unless a token is set";
}

TEST(readiness, webhooks_of_the_older_api_are_told_with_the_fix_and_turn_no_traffic_away) {
    engine::figures f;
    EXPECT_TRUE(webhooks_readiness(f).ok);
    EXPECT_EQ(webhooks_readiness(f).detail, "");
    f.old_webhooks = 3;
    const auto r = webhooks_readiness(f);
    EXPECT_FALSE(r.ok);
    EXPECT_FALSE(r.needed);
    EXPECT_THAT(r.detail, HasSubstr("webhook API version 1"));
    EXPECT_THAT(r.detail, HasSubstr("to 2"));
    EXPECT_EQ(readyz({r}).status, 200);
}
