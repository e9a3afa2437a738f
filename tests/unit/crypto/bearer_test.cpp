// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/bearer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>

using namespace z360;
using namespace z360::adapter::crypto;
using port::token_kind;

namespace {

constexpr std::array k_kinds{
    token_kind::device, token_kind::service, token_kind::admin, token_kind::enrolment, token_kind::handoff
};
// 43 characters, the last one without stray bits
const std::string k_random = "AbC-_dEfGhIjKlMnOpQrStUvWxYz0123456789_-abc";

} // namespace

TEST(bearer, and_01_what_is_made_is_read_back_with_kind_and_environment) {
    const std::string longest(20, 'e');
    for (const auto kind : k_kinds)
        for (const std::string& environment :
             {std::string("production"), std::string("a"), longest, std::string("-9-")}) {
            const auto made = make_bearer(kind, environment);
            const auto read = read_bearer(made.reveal());
            ASSERT_TRUE(read) << environment;
            EXPECT_EQ(read->kind, kind);
            EXPECT_EQ(read->environment, environment);
            EXPECT_EQ(read->whole.reveal(), made.reveal());
        }
}

TEST(bearer, and_01_kinds_are_told_by_the_prefix) {
    EXPECT_TRUE(make_bearer(token_kind::device, "test").reveal().starts_with("z360d_test_"));
    EXPECT_TRUE(make_bearer(token_kind::service, "test").reveal().starts_with("z360s_test_"));
    EXPECT_TRUE(make_bearer(token_kind::admin, "test").reveal().starts_with("z360a_test_"));
    EXPECT_TRUE(make_bearer(token_kind::enrolment, "test").reveal().starts_with("z360e_test_"));
    EXPECT_TRUE(make_bearer(token_kind::handoff, "test").reveal().starts_with("z360h_test_"));
}

TEST(bearer, and_01_ten_thousand_tokens_are_all_different) {
    std::set<std::string> seen;
    for (int i = 0; i < 10'000; ++i)
        seen.emplace(make_bearer(token_kind::device, "production").reveal());
    EXPECT_EQ(seen.size(), 10'000U);
    std::set<char> last; // all of the alphabet shows up: nothing is stuck
    for (const auto& t : seen)
        last.insert(t[t.size() - 2]);
    EXPECT_EQ(last.size(), 64U);
}

TEST(bearer, the_table_of_what_is_not_one) {
    ASSERT_EQ(k_random.size(), 43U);
    // the form itself is right
    const auto good = read_bearer("z360d_dev_" + k_random.substr(0, 42) + "A");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->environment, "dev");
    const std::string r = k_random.substr(0, 42) + "A";
    for (const std::string& text : {
             std::string(),
             std::string("web"),
             std::string("undefined"),
             std::string("null"),
             std::string("Bearer z360d_dev_") + r,
             "z360d_dev_" + r + " ",
             " z360d_dev_" + r,
             "z360d_dev_" + r + "\n",
             "z360x_dev_" + r,
             "z360D_dev_" + r,
             "Z360d_dev_" + r,
             "z361d_dev_" + r,
             "z360_dev_" + r,
             "z360d__" + r,
             "z360d_" + r,
             "z360ddev_" + r,
             "z360d_dev" + r,
             "z360d-dev-" + r,
             "z360d_Dev_" + r,
             "z360d_d_v_" + r,
             "z360d_d v_" + r,
             "z360d_d\xC3\xA9v_" + r,
             "z360d_" + std::string(21, 'e') + "_" + r,
             "z360d_dev_" + r.substr(1),
             "z360d_dev_" + r + "A",
             "z360d_dev_" + r.substr(0, 42) + "B", // stray bits: another spelling of the same token
             "z360d_dev_" + r.substr(0, 42) + "=",
             "z360d_dev_" + r.substr(0, 42) + "+",
             "z360d_dev_" + r.substr(0, 20) + "/" + r.substr(21),
             "z360d_dev_" + r.substr(0, 20) + " " + r.substr(21),
             "z360d_dev_" + r.substr(0, 20) + std::string(1, '\0') + r.substr(21),
             std::string(100'000, 'z'),
         })
        EXPECT_FALSE(read_bearer(text)) << text.substr(0, 100);
}

TEST(bearer, an_environment_that_would_not_read_back_is_not_made) {
    for (const std::string& bad :
         {std::string(), std::string(21, 'a'), std::string("Prod"), std::string("a_b")})
        EXPECT_THROW((void)make_bearer(token_kind::device, bad), std::invalid_argument) << bad;
}
