// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/columns.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace z360;

TEST(columns, wide_characters_take_two_and_marks_that_combine_none) {
    EXPECT_EQ(columns_of("Ada's iPhone"), 12U);
    EXPECT_EQ(columns_of("Bäckerei"), 8U);
    EXPECT_EQ(columns_of("山田さん"), 8U);
    EXPECT_EQ(columns_of("e\xcc\x81"), 1U) << "e and an accent";
    EXPECT_EQ(columns_of("📱"), 2U);
    EXPECT_EQ(columns_of("→…"), 2U);
    EXPECT_EQ(columns_of("\xff\xfe"), 2U) << "no UTF-8: a column for each byte";
    EXPECT_EQ(columns_of(""), 0U);
}

TEST(columns, a_text_is_cut_between_characters_and_says_so) {
    EXPECT_EQ(clipped("Ada", 3), "Ada");
    EXPECT_EQ(clipped("Ada L", 4), "Ada…");
    EXPECT_EQ(clipped("山田さん", 8), "山田さん");
    EXPECT_EQ(clipped("山田さん", 7), "山田さ…");
    EXPECT_EQ(clipped("山田さん", 6), "山田…") << "half of a character is none";
    EXPECT_EQ(clipped("x", 0), "");
    EXPECT_EQ(in_columns("山", 4), "山  ");
    EXPECT_EQ(in_columns_right("+1.5", 6), "  +1.5");
    for (std::size_t n = 0; n < 20; ++n)
        EXPECT_EQ(columns_of(in_columns("Grace 山田 📱 Hopper, Ltd.", n)), n);
}

TEST(columns, lines_are_broken_at_blanks_and_never_longer_than_allowed) {
    EXPECT_EQ(wrapped("", 10), std::vector<std::string>{""});
    EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(wrapped("one two three", 7, 4, 2), (std::vector<std::string>{"one", "  two", "  three"}));
    EXPECT_EQ(wrapped("abcdefghij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
    EXPECT_EQ(wrapped("山山山", 3), (std::vector<std::string>{"山", "山", "山"}));
    EXPECT_EQ(wrapped("山", 1), std::vector<std::string>{"山"})
        << "wider than the line, and told all the same";
    const std::string text = "a 山田 word-that-is-much-longer-than-the-line 📱📱📱 b";
    for (std::size_t n = 4; n < 60; ++n)
        for (const auto& line : wrapped(text, n, 1, 2))
            EXPECT_LE(columns_of(line), n) << line;
}
