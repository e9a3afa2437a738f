// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Texts of strangers on their way to a screen.
#include "wire/push_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace z360::wire;
using namespace std::string_literals;

TEST(push_text, mob_07_what_misleads_is_taken_out_and_what_is_meant_stays) {
    const std::vector<std::pair<std::string, std::string>> all{
        {"Ada Lovelace", "Ada Lovelace"},
        {"  Ada \t\r\n Lovelace  ", "Ada Lovelace"},
        {"Ada\0Lovelace"s, "AdaLovelace"},
        {"Ada\x07\x1b[31m", "Ada[31m"},
        {"\xC2\x80"
         "Ada\xC2\x9F",
         "Ada"}, // C1
        {"\xE2\x80\xAE"
         "adA\xE2\x80\xAC",
         "adA"}, // turned round
        {"\xE2\x81\xA6"
         "Ada\xE2\x81\xA9\xE2\x80\x8E\xE2\x80\x8F\xD8\x9C",
         "Ada"},                                                 // isolates, marks
        {"Ada\xE2\x80\xA8Lovelace\xE2\x80\xA9", "Ada Lovelace"}, // separators
        {"Ada\xC2\xA0\xE3\x80\x80Lovelace", "Ada Lovelace"},     // wide and no-break spaces
        {"\xEF\xBB\xBF"
         "Ada\xE2\x80\x8B",
         "Ada"}, // byte order mark, zero width
        {"\xED\xA0\xBD"
         "Ada\xED\xB8\x80",
         "Ada"},                    // lone surrogates
        {"Ada\xFF\xFE\xC3", "Ada"}, // no UTF-8
        {"\xC0\xAF"
         "Ada\xF4\x90\x80\x80",
         "Ada"}, // overlong, beyond Unicode
        {"\xEF\xBF\xBE"
         "Ada",
         "Ada"},                                                  // no character
        {"\xD7\xA2\xD7\x93\xD7\x94", "\xD7\xA2\xD7\x93\xD7\x94"}, // Hebrew
        {"\xE6\x84\x9B\xE5\xAD\x90", "\xE6\x84\x9B\xE5\xAD\x90"}, // Japanese
        {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB"
        },                                          // joined
        {"\"quoted\" \\ <b>", "\"quoted\" \\ <b>"}, // JSON's business, not ours
        {"", ""},
        {" \t ", ""},
        {"\xE2\x80\xAE\xE2\x80\x8B", ""},
    };
    for (const auto& [given, wanted] : all)
        EXPECT_EQ(one_line(given, 128), wanted);
}

TEST(push_text, mob_07_a_long_name_is_cut_between_characters_wherever_the_limit_falls) {
    const std::string woman_with_laptop =
        "\xF0\x9F\x91\xA9\xF0\x9F\x8F\xBD\xE2\x80\x8D\xF0\x9F\x92\xBB"; // four marks
    std::string text;
    for (int i = 0; i < 20; ++i)
        text += "a\xC3\xA9\xE6\x84\x9B" + woman_with_laptop;
    for (std::size_t longest = 1; longest < 140; ++longest) {
        const auto cut = one_line(text, longest);
        EXPECT_TRUE(text.starts_with(cut)) << longest;
        EXPECT_EQ(valid_utf8(cut), cut) << longest;
        EXPECT_FALSE(cut.ends_with("\xE2\x80\x8D")) << longest; // a joiner that joins nothing
        const auto emoji = cut.rfind("\xF0\x9F\x91\xA9");
        if (emoji != std::string::npos)
            EXPECT_EQ(cut.substr(emoji, woman_with_laptop.size()), woman_with_laptop) << longest;
    }
    const std::string flag = "\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA";
    EXPECT_EQ(one_line(flag + flag + flag, 3), flag); // no half of one
    EXPECT_EQ(one_line("x" + flag + flag, 3), "x" + flag);
    EXPECT_EQ(one_line("abc", 3), "abc");
    EXPECT_EQ(one_line("abcd", 3), "abc");
    EXPECT_EQ(one_line("ab cd", 3), "ab"); // no blank at the end
    EXPECT_EQ(one_line("abc", 0), "");
}

TEST(push_text, mob_07_ten_kilobytes_of_anything_are_bounded) {
    std::string accents = "a";
    for (int i = 0; i < 5'000; ++i)
        accents += "\xCC\x81";
    EXPECT_LE(one_line(accents, 128).size(), 128U * 4);
    EXPECT_EQ(one_line(std::string(10'000, 'x'), 128), std::string(128, 'x'));
    EXPECT_EQ(one_line(std::string(10'000, '\0'), 128), "");
    EXPECT_EQ(one_line(std::string(10'000, ' ') + "x", 128), "x");
    std::string joiners;
    for (int i = 0; i < 3'000; ++i)
        joiners += "\xE2\x80\x8D";
    EXPECT_LE(one_line(joiners, 128).size(), 128U * 3);
}

TEST(push_text, be_28_texts_of_several_lines_keep_them) {
    EXPECT_EQ(some_lines("one\n\ttwo \r\n", 100), "one\n\ttwo");
    EXPECT_EQ(some_lines("one  \r\n  two", 100), "one\n two");
    EXPECT_EQ(some_lines(" \n\t ", 100), "");
    EXPECT_EQ(
        some_lines(
            "a\x1b"
            "b\xE2\x80\xAE",
            100
        ),
        "ab"
    );
    EXPECT_EQ(some_lines("abcdef", 3), "abc");
}

TEST(push_text, be_28_data_of_programs_stays_but_for_what_is_no_utf8) {
    const auto data = "{\"a\":\"\x01\n\xE2\x80\xAE\"}\0"s;
    EXPECT_EQ(valid_utf8(data), data);
    EXPECT_EQ(valid_utf8("a\xFF\xED\xA0\x80z"), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(push_text, a_picture_is_shown_only_from_a_proper_https_address) {
    for (const char* good :
         {"https://example.com/a.png", "https://cdn.example.com:8443/a%20b?x=1#y", "https://x"})
        EXPECT_EQ(web_address(good), good);
    for (const std::string& bad :
         {""s, "http://example.com/a.png"s, "https://"s, "https:///a"s, "HTTPS://example.com"s,
          "javascript:alert(1)"s, "https://example.com/a b"s, "https://example.com/\n"s,
          "https://example.com/\xC3\xA9"s, "https://example.com/\"onerror="s, "https://example.com/<b>"s,
          "https://e\0.com"s, "//example.com"s, "https://example.com/" + std::string(1'024, 'a')})
        EXPECT_EQ(web_address(bad), "") << bad;
}

TEST(push_text, a_word_has_no_blank_and_ends_somewhere) {
    EXPECT_EQ(plain_word("abc-1:2", 10), "abc-1:2");
    EXPECT_EQ(plain_word("", 10), "");
    EXPECT_EQ(plain_word("a b", 10), "");
    EXPECT_EQ(plain_word("a\n", 10), "");
    EXPECT_EQ(plain_word("abcdefghijk", 10), "");
    EXPECT_EQ(plain_word("\xC3\xA9", 10), "");
}
