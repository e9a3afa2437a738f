// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/agent_reference.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace z360;
using adapter::crypto::agent_references;
using adapter::crypto::hash_of_reference;

namespace {

const leg_id k_leg{uuid{1, 2}};
const leg_id k_other{uuid{1, 3}};

agent_references of_key(const char* key) {
    return {secret(std::string(key)), secret(std::string("KEY-of-the-api"))};
}

std::string reference(const char* key, const leg_id& leg) {
    return std::string(of_key(key).of(leg).reveal());
}

} // namespace

TEST(agent_reference, be_27_has_128_bits_and_is_the_same_on_every_node_with_the_key) {
    const auto text = reference("key", k_leg);
    EXPECT_EQ(text.size(), 32U);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(reference("key", k_leg), text);
}

TEST(agent_reference, be_27_another_leg_and_another_key_make_another) {
    const auto text = reference("key", k_leg);
    EXPECT_NE(reference("key", k_other), text);
    EXPECT_NE(reference("other", k_leg), text);
    EXPECT_EQ(text.find(k_leg.text().substr(24)), std::string::npos) << "it shows nothing of its leg";
}

TEST(agent_reference, be_27_without_a_key_the_apis_is_used_and_without_both_there_is_none) {
    const agent_references made({}, secret(std::string("KEY-of-the-api")));
    EXPECT_EQ(std::string(made.of(k_leg).reveal()), reference("KEY-of-the-api", k_leg));
    EXPECT_THROW(agent_references({}, {}), std::invalid_argument);
}

TEST(agent_reference, be_27_what_is_stored_is_a_hash) {
    const auto text = reference("key", k_leg);
    const auto hash = hash_of_reference(text);
    EXPECT_EQ(hash.size(), 64U);
    EXPECT_EQ(hash.find(text), std::string::npos);
    EXPECT_EQ(hash_of_reference(text), hash);
}
