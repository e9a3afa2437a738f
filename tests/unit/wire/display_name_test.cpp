// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/display_name.hpp"

#include <gtest/gtest.h>

#include <string>

using z360::wire::clip;
using z360::wire::display_name;

TEST(display_name, plain_names_stay_as_they_are) {
    EXPECT_EQ(display_name("Alice Example-Smith Jr."), "Alice Example-Smith Jr.");
    EXPECT_EQ(display_name("a_b~c!d+e.f-1"), "a_b~c!d+e.f-1");
}

TEST(display_name, accents_are_removed_and_ligatures_spelled_out) {
    EXPECT_EQ(display_name("Zoë Ångström"), "Zoe Angstrom");
    EXPECT_EQ(display_name("Łukasz Żółć, Škoda"), "Lukasz Zolc Skoda");
    EXPECT_EQ(display_name("Weiß Æsir Þór Œuvre Ștefan"), "Weiss AEsir Thor OEuvre Stefan");
    EXPECT_EQ(display_name("ÀÿĀſ"), "AyAs") << "both ends of the table";
}

TEST(display_name, other_signs_are_dropped_or_become_an_allowed_one) {
    EXPECT_EQ(display_name("O'Brien & Sons (Sales)"), "OBrien + Sons Sales");
    EXPECT_EQ(display_name("Müller,  Jürg / Büro"), "Muller Jurg Buro");
    EXPECT_EQ(display_name("a\"b\\c<d>\r\ne"), "abcd e") << "nothing that could end a SIP header";
    EXPECT_EQ(display_name("Anna–Lena"), "Anna-Lena");
}

TEST(display_name, nothing_readable_means_no_name) {
    EXPECT_EQ(display_name(""), "");
    EXPECT_EQ(display_name("   "), "");
    EXPECT_EQ(display_name("山田 太郎"), "");
    EXPECT_EQ(display_name("-_~!.+"), "");
    EXPECT_EQ(display_name(std::string("\0\0", 2)), "");
}

TEST(display_name, is_at_most_128_characters) {
    EXPECT_EQ(display_name(std::string(500, 'x')).size(), 128U);
    EXPECT_EQ(display_name(std::string(127, 'x') + "ß").size(), 128U)
        << "a spelled-out letter may not exceed it";
}

TEST(display_name, broken_utf8_is_skipped) {
    EXPECT_EQ(
        display_name("A\xC3"
                     "B\xE2\x82"
                     "C\xFF\x80"
                     "D\xF0"),
        "ABCD"
    );
}

TEST(clip, cuts_between_characters) {
    EXPECT_EQ(clip("héllo", 2), "hé");
    EXPECT_EQ(clip("abc", 3), "abc");
    EXPECT_EQ(clip("abc", 9), "abc");
    EXPECT_EQ(clip("abc", 0), "");
}
