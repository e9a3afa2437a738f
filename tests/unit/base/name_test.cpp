// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/name.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace z360;

TEST(name, what_people_can_read_is_one) {
    for (const char* good :
         {"", "A", "Bäckerei 山田", " Acme ", "O'Brien & Söhne", "\u200fיונה של עדה", "नर्मदा\u200dश्री", "☎️",
          "👩‍👩‍👧"})
        EXPECT_EQ(fault_of_name(good), name_fault::none) << good;
}

TEST(name, white_space_of_any_kind_and_signs_without_width_are_none) {
    for (const char* blank :
         {" ",      "\t",     "\r\n",   "\v\f",   "\u0085", "\u00a0", "\u1680",          "\u2003",
          "\u2028", "\u202f", "\u205f", "\u3000", "\u200b", "\u200d", "\u200f",          "\u2060",
          "\ufeff", "\u00ad", "\u2800", "\u3164", "\u115f", "\ufe0f", " \u00a0\u200b\t "}) {
        EXPECT_EQ(fault_of_name(blank), name_fault::blank) << blank;
        EXPECT_EQ(fault_of_name(blank, 255, line_ends::kept), name_fault::blank) << blank;
        EXPECT_NE(fault_of_name(std::string(blank) + "x"), name_fault::blank) << blank;
    }
}

TEST(name, what_makes_terminals_act_or_shows_something_else_is_none) {
    for (const char* odd :
         {"a\x1b[31m", "a\nb", "a\tb", "a\x7f", "a\u009b", "a\xff", "\u202egnp.exe", "\u2067x", "x\u2028y"})
        EXPECT_EQ(fault_of_name(odd), name_fault::unprintable) << odd;
    EXPECT_EQ(fault_of_name("one\r\n\ttwo", 255, line_ends::kept), name_fault::none);
    EXPECT_EQ(fault_of_name("one\x1b", 255, line_ends::kept), name_fault::unprintable);
    EXPECT_EQ(fault_of_name(std::string("a\0b", 3)), name_fault::unprintable);
}

TEST(name, its_length_counts_characters) {
    std::string umlauts;
    for (int i = 0; i < 255; ++i)
        umlauts += "ü";
    EXPECT_EQ(characters(umlauts), 255U);
    EXPECT_EQ(fault_of_name(umlauts), name_fault::none);
    EXPECT_EQ(fault_of_name(umlauts + "x"), name_fault::too_long);
    EXPECT_EQ(fault_of_name("abc", 2), name_fault::too_long);
}

TEST(name, a_login_has_something_on_both_sides_and_no_white_space) {
    for (const char* good : {"ada@example.com", "ADA@x", "a.b+c@x", "jörg@büro.example"})
        EXPECT_TRUE(is_login(good)) << good;
    for (const char* bad :
         {"", "@", "ada", "@x", "ada@", "a da@x", "ada@x ", "\u00a0ada@x", "ada\u200b@x", "ada@x\n", "a\x1b@x"
         })
        EXPECT_FALSE(is_login(bad)) << bad;
    EXPECT_FALSE(is_login(std::string(250, 'a') + "@x.org"));
}
