// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/percent.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace z360;

TEST(percent, every_byte_is_taken_back_in_either_case) {
    constexpr std::string_view k_lower = "0123456789abcdef";
    constexpr std::string_view k_upper = "0123456789ABCDEF";
    for (unsigned byte = 0; byte < 256; ++byte)
        for (const auto digits : {k_lower, k_upper}) {
            const std::string text{'%', digits[byte / 16], digits[byte % 16]};
            EXPECT_EQ(unescaped(text), std::string(1, static_cast<char>(byte))) << text;
            EXPECT_EQ(unescaped_leniently(text), std::string(1, static_cast<char>(byte))) << text;
        }
    EXPECT_EQ(unescaped("a+b%20c%2520"), "a+b c%20") << "once, and + is itself";
    EXPECT_EQ(unescaped(""), "");
}

TEST(percent, a_broken_escape_is_refused_or_stays) {
    for (const char* text :
         {"%", "%4", "a%", "a%4", "%zz", "%4z", "%z4", "%%", "%4%", "% 41", "%+1", "%-1"}) {
        EXPECT_EQ(unescaped(text), std::nullopt) << text;
        EXPECT_EQ(unescaped_leniently(text), text);
    }
    EXPECT_EQ(unescaped("%%41"), std::nullopt);
    EXPECT_EQ(unescaped_leniently("%%41%4"), "%A%4");
}
