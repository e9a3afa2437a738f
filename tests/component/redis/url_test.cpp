// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/url.hpp"

#include <gtest/gtest.h>

using namespace z360::adapter::redis;

TEST(redis_url, all_parts) {
    const auto u = std::get<url>(parse_url("redis://al%40ice:p%3Aw@cache.example:7000/3")); // not-a-secret
    EXPECT_EQ(u.host, "cache.example");
    EXPECT_EQ(u.port, 7000);
    EXPECT_EQ(u.database, 3U);
    EXPECT_EQ(u.user, "al@ice");
    EXPECT_EQ(u.password.reveal(), "p:w");
}

TEST(redis_url, defaults_and_ipv6) {
    const auto u = std::get<url>(parse_url("redis://:s3@[::1]"));
    EXPECT_EQ(u.host, "::1");
    EXPECT_EQ(u.port, 6379);
    EXPECT_EQ(u.database, 0U);
    EXPECT_TRUE(u.user.empty());
    EXPECT_EQ(u.password.reveal(), "s3");
    EXPECT_EQ(std::get<url>(parse_url("redis://h/")).database, 0U);
}

TEST(redis_url, wrong_ones_are_refused_without_repeating_them) {
    for (const auto* text :
         {"", "h:1", "http://h", "rediss://h", "redis://", "redis://:7000", "redis://h:0", "redis://h:65536",
          "redis://h:", "redis://h/x", "redis://h/-1", "redis://[::1", "redis://[::1]7", "redis://u@h",
          "redis://:canary%2@h", "redis://:canary@h:port"}) {
        const auto r = parse_url(text);
        ASSERT_TRUE(std::holds_alternative<std::string>(r)) << text;
        EXPECT_EQ(std::get<std::string>(r).find("canary"), std::string::npos);
        EXPECT_NE(std::get<std::string>(r).find("; "), std::string::npos)
            << "no fix: " << std::get<std::string>(r);
    }
}
