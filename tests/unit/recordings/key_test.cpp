// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/recordings/key.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

using namespace z360::adapter::recordings;

TEST(recording_key, paths_of_plain_characters_are_keys) {
    for (const char* good :
         {"a", "1/2026/05/call_1.mp3", "A-b_c.d", "...", "a/..b", "a/.b", ".a/b", ".incoming2",
          "a/.incoming/b"}) {
        EXPECT_TRUE(is_key(good)) << good;
        EXPECT_NO_THROW(check_key(good)) << good;
    }
    EXPECT_TRUE(is_key(std::string(500, 'k')));
}

TEST(recording_key, nothing_else_is_one) {
    for (const char* bad : {"",       "/",    "/a",       "a/",  "a//b",  ".",         "..",
                            "a/../b", "../a", "a/..",     "./a", "a/./b", "a b",       "a\\b",
                            "a%2Fb",  "a\nb", "\xC3\xA4", "a?b", "a:b",   ".incoming", ".incoming/a"}) {
        EXPECT_FALSE(is_key(bad)) << bad;
        EXPECT_THROW(check_key(bad), std::invalid_argument) << bad;
    }
    EXPECT_FALSE(is_key(std::string(501, 'k')));
    EXPECT_FALSE(is_key(std::string("a\0b", 3)));
}

TEST(recording_key, the_refusal_does_not_repeat_the_key) {
    try {
        check_key("no key at all");
        FAIL();
    } catch (const std::invalid_argument& e) {
        EXPECT_EQ(std::string(e.what()).find("at all"), std::string::npos) << e.what();
    }
}
