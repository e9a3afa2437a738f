// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/printable.hpp>

#include <gtest/gtest.h>

using namespace z360;

TEST(printable, what_makes_a_terminal_act_is_escaped) {
    EXPECT_EQ(printable("\x1b[31mred\x07\x7f"), "\\u001b[31mred\\u0007\\u007f");
    EXPECT_EQ(
        printable("\xc2\x9b"
                  "31m\xc2\x85"),
        "\\u009b31m\\u0085"
    ) << "C1";
    EXPECT_EQ(printable("a\nb\tc"), "a\\u000ab\\u0009c");
    EXPECT_EQ(printable("a\nb\tc\r", line_ends::kept), "a\nb\tc\\u000d");
    EXPECT_EQ(printable("moc.live\xe2\x80\xae"), "moc.live\\u202e") << "the direction of writing";
    EXPECT_EQ(printable("\xe2\x81\xa6\xe2\x80\xa8"), "\\u2066\\u2028");
}

TEST(printable, bytes_that_are_no_utf_8_are_escaped_one_by_one) {
    EXPECT_EQ(
        printable("\x9b"
                  "31m"),
        "\\u009b31m"
    ) << "a C1 control of a terminal with one byte a character";
    EXPECT_EQ(printable("\xc0\x9b"), "\\u00c0\\u009b") << "too long a form";
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080") << "a surrogate";
    EXPECT_EQ(printable("caf\xc3"), "caf\\u00c3") << "cut off";
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\u00f4\\u0090\\u0080\\u0080") << "beyond the last one";
}

TEST(printable, names_of_people_stay_as_they_are) {
    for (const char* name :
         {"Zoë Müller", "山田 太郎", "Ольга", "שרה", "👩‍💻 dev", "O'Neil \"Bob\" \\"})
        EXPECT_EQ(printable(name), name);
}

TEST(printable, controls_are_found_wherever_they_stand) {
    EXPECT_TRUE(has_controls("a\x1b"));
    EXPECT_TRUE(has_controls("a\xc2\x9b"));
    EXPECT_TRUE(has_controls("\x7f"));
    EXPECT_TRUE(has_controls("a\nb"));
    EXPECT_FALSE(has_controls("a\r\n\tb", line_ends::kept));
    EXPECT_TRUE(has_controls("a\n\xc2\x80", line_ends::kept));
    EXPECT_FALSE(has_controls("Zoë 山田 \xc2\xa0 👩‍💻"));
}
