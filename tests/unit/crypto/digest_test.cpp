// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/digest.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360::adapter::crypto;

TEST(digest, sha256_is_the_one_of_fips_180) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(digest, secrets_are_the_same_only_when_every_byte_is) {
    EXPECT_TRUE(same_secret("", ""));
    EXPECT_TRUE(same_secret("abc", "abc"));
    EXPECT_FALSE(same_secret("abc", "abd"));
    EXPECT_FALSE(same_secret("abc", "ab"));
    EXPECT_FALSE(same_secret("", "a"));
}

TEST(digest, a_private_digest_means_nothing_to_another_process) {
    const private_digest one;
    const private_digest two;
    EXPECT_EQ(one.of("cookie"), one.of("cookie"));
    EXPECT_NE(one.of("cookie"), one.of("cookie2"));
    EXPECT_NE(one.of("cookie"), two.of("cookie"));
    EXPECT_EQ(one.of("").size(), 32U);
}

TEST(base64url, uses_the_other_alphabet_without_padding_and_is_strict) {
    EXPECT_EQ(base64url("\xFB\xFF"), "-_8");
    const auto back = unbase64url("-_8", 8);
    ASSERT_TRUE(back);
    EXPECT_EQ(std::string(back->begin(), back->end()), "\xFB\xFF");
    for (const char* bad : {"-_9", "-_8=", "+/8", "-_ 8", "-", "-_8\n"})
        EXPECT_FALSE(unbase64url(bad, 8)) << bad;
    EXPECT_FALSE(unbase64url("AAAAAAAAAAAAAAAA", 8)) << "too long";
}
