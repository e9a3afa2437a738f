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

boost::asio::awaitable<void> call(const http::route* r, std::optional<http::response>* out) {
    *out = co_await r->handle(http::request{});
}

http::response readyz(std::vector<readiness> all) {
    test::recording_metrics metrics;
    boost::asio::io_context io{1};
    std::optional<http::response> out;
    const auto routes = health_routes([&all] { return all; }, metrics);
    for (const auto& r : routes)
        if (r.pattern == "/readyz")
            boost::asio::co_spawn(io, call(&r, &out), [](const std::exception_ptr& e) {
                if (e) std::rethrow_exception(e);
            });
    io.run();
    return out.value();
}

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
