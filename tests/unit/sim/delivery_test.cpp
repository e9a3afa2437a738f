// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/delivery.hpp"
#include "sim/signer.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::sim;
using namespace std::chrono_literals;

namespace {
const webhook_urls k_both{"http://a.invalid", "http://b.invalid"};
const webhook_urls k_one{"http://a.invalid", ""};

std::vector<std::string> urls_tried(const webhook_urls& urls, int status, const delivery_policy& p = {}) {
    std::vector<std::string> out;
    while (const auto s = next_attempt(
               p, urls, std::nullopt, static_cast<unsigned>(out.size()), out.empty() ? 0 : status
           ))
        out.push_back(s->url);
    return out;
}
} // namespace

TEST(delivery, two_failures_move_on_to_the_failover_address) {
    const auto a = k_both.primary;
    const auto b = k_both.failover;
    EXPECT_EQ(urls_tried(k_both, 500), (std::vector<std::string>{a, a, b, b}));
    EXPECT_EQ(urls_tried(k_one, 0), (std::vector<std::string>{a, a, a, a}));
    EXPECT_TRUE(urls_tried({}, 500).empty());
}
TEST(delivery, other_4xx_end_it_unless_switched) {
    for (const int status : {400, 401, 403, 404, 422})
        EXPECT_EQ(urls_tried(k_both, status).size(), 1U) << status;
    for (const int status : {0, 301, 408, 429, 500, 503})
        EXPECT_EQ(urls_tried(k_both, status).size(), 4U) << status;
    delivery_policy all;
    all.retry_other_4xx = true;
    EXPECT_EQ(urls_tried(k_both, 404, all).size(), 4U);
}
TEST(delivery, a_retries_policy_of_the_call_decides_count_and_pauses) {
    const std::vector<millis> retries{100ms, 200ms};
    EXPECT_EQ(next_attempt({}, k_both, retries, 0, 0)->wait, 0ms);
    EXPECT_EQ(next_attempt({}, k_both, retries, 1, 500)->wait, 100ms);
    EXPECT_EQ(next_attempt({}, k_both, retries, 2, 500)->wait, 200ms);
    EXPECT_EQ(next_attempt({}, k_both, retries, 2, 500)->url, k_both.failover);
    EXPECT_FALSE(next_attempt({}, k_both, retries, 3, 500));
}
TEST(signer, depends_on_its_seed_and_signs_timestamp_and_body) {
    const signer a("one");
    const signer again("one");
    const signer b("two");
    EXPECT_EQ(a.public_key().size(), 44U);
    EXPECT_EQ(a.public_key(), again.public_key());
    EXPECT_NE(a.public_key(), b.public_key());
    EXPECT_EQ(a.sign("1", "x"), again.sign("1", "x"));
    EXPECT_NE(a.sign("1", "x"), a.sign("2", "x"));
    EXPECT_NE(a.sign("1", "x"), a.sign("1", "y"));
    EXPECT_EQ(a.sign("1", "x").size(), 88U);
}
