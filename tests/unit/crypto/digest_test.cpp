// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/crypto/base64.hpp"
#include "adapter/crypto/content_digest.hpp"
#include "adapter/crypto/digest.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace z360::adapter::crypto;

TEST(digest, sha256_is_the_one_of_fips_180) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(digest, hmac_sha256_is_the_one_of_rfc_4231) {
    EXPECT_EQ(
        hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    EXPECT_EQ(
        hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

TEST(digest, a_content_in_pieces_has_the_digest_of_the_whole) {
    content_digest d;
    EXPECT_EQ(d.hex(), sha256_hex(""));
    std::string whole;
    for (int i = 0; i < 300; ++i) {
        const std::string piece(static_cast<std::size_t>(i), static_cast<char>(i));
        d.add(piece);
        whole += piece;
        if (i % 100 == 0) EXPECT_EQ(d.hex(), sha256_hex(whole)) << "asked in between";
    }
    EXPECT_EQ(d.hex(), sha256_hex(whole));
}

TEST(digest, a_random_name_comes_once) {
    EXPECT_EQ(random_hex(16).size(), 32U);
    EXPECT_NE(random_hex(16), random_hex(16));
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
