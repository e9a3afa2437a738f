// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/server.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

using namespace z360::http;

namespace {

boost::asio::awaitable<response> nothing(request) {
    co_return response{};
}

route at(std::string method, std::string pattern) {
    return {std::move(method), std::move(pattern), &nothing};
}

router sample() {
    return router({
        at("GET", "/"),
        at("GET", "/calls/{id}"),
        at("DELETE", "/calls/{id}"),
        at("GET", "/calls/active"),
        at("POST", "/v2/calls/{id}/actions/{action}"),
        at("POST", "/v2/calls/{id}/actions/bridge"),
    });
}

std::string pattern_of(const router::match& m) {
    return m.found ? m.found->pattern : "none";
}

} // namespace

TEST(router, finds_literals_and_fills_parameters) {
    const auto r = sample();
    EXPECT_EQ(pattern_of(r.find("GET", "/")), "/");
    const auto m = r.find("POST", "/v2/calls/abc/actions/hangup");
    EXPECT_EQ(pattern_of(m), "/v2/calls/{id}/actions/{action}");
    ASSERT_EQ(m.params.size(), 2U);
    EXPECT_EQ(m.params.at("id"), "abc");
    EXPECT_EQ(m.params.at("action"), "hangup");
}

TEST(router, a_literal_wins_over_a_parameter_whatever_the_order_of_the_table) {
    const auto r = sample();
    EXPECT_EQ(pattern_of(r.find("GET", "/calls/active")), "/calls/active");
    EXPECT_EQ(pattern_of(r.find("POST", "/v2/calls/x/actions/bridge")), "/v2/calls/{id}/actions/bridge");
    EXPECT_EQ(pattern_of(r.find("DELETE", "/calls/active")), "/calls/{id}");
}

TEST(router, unknown_paths_match_nothing) {
    const auto r = sample();
    for (const char* path :
         {"", "calls", "/calls", "/calls/", "/calls//", "/calls/1/", "//", "/CALLS/1", "*",
          "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s"}) {
        const auto m = r.find("GET", path);
        EXPECT_EQ(m.found, nullptr) << path;
        EXPECT_EQ(m.allow, "") << path;
    }
}

TEST(router, another_method_is_told_which_ones_are_allowed) {
    const auto r = sample();
    const auto m = r.find("PUT", "/calls/7");
    EXPECT_EQ(m.found, nullptr);
    EXPECT_EQ(m.allow, "DELETE, GET, HEAD");
    EXPECT_EQ(r.find("GET", "/v2/calls/7/actions/bridge").allow, "POST");
}

TEST(router, head_is_answered_by_get) {
    const auto r = sample();
    EXPECT_EQ(pattern_of(r.find("HEAD", "/calls/active")), "/calls/active");
    EXPECT_EQ(r.find("HEAD", "/v2/calls/7/actions/bridge").found, nullptr);
}

TEST(router, a_table_that_cannot_work_is_refused_at_once) {
    EXPECT_THROW(router({at("GET", "x")}), std::invalid_argument);
    EXPECT_THROW(router({at("GET", "/a{b}")}), std::invalid_argument);
    EXPECT_THROW(router({at("GET", "/{}")}), std::invalid_argument);
    EXPECT_THROW(router({at("GET", "/{a}/{a}")}), std::invalid_argument);
    EXPECT_THROW(router({at("GET", "/x/{a}"), at("GET", "/x/{b}")}), std::invalid_argument);
    EXPECT_THROW(router({{"GET", "/x", {}}}), std::invalid_argument);
    EXPECT_NO_THROW(router({at("GET", "/x/{a}"), at("PUT", "/x/{b}")}));
}
