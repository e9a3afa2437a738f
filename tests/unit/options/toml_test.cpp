// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/toml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace z360::app;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(toml, reads_tables_strings_numbers_booleans_and_arrays) {
    const auto d = read_toml("\xEF\xBB\xBF# top\n"
                             "a.b = 1\r\n"
                             "[ t ] # table\n"
                             "text = \"a # no comment \\\"q\\\" \\u00e9\\n\" # comment\n"
                             "raw = 'C:\\x'\n"
                             "number = -1_000\n"
                             "yes = true\n"
                             "list = [ \"x, y\", 'z',\n  # inside\n  3, ]\n"
                             "none = []\n"
                             "[t.u]\nlast = +5");
    EXPECT_TRUE(d.problems.empty()) << d.problems.front();
    ASSERT_EQ(d.entries.size(), 8U);
    EXPECT_EQ(d.entries[0].key, "a.b");
    EXPECT_EQ(d.entries[1].key, "t.text");
    EXPECT_THAT(d.entries[1].values, ElementsAre("a # no comment \"q\" \xC3\xA9\n"));
    EXPECT_EQ(d.entries[1].line, 4U);
    EXPECT_THAT(d.entries[2].values, ElementsAre("C:\\x"));
    EXPECT_THAT(d.entries[3].values, ElementsAre("-1000"));
    EXPECT_THAT(d.entries[4].values, ElementsAre("true"));
    EXPECT_THAT(d.entries[5].values, ElementsAre("x, y", "z", "3"));
    EXPECT_THAT(d.entries[6].values, ElementsAre());
    EXPECT_EQ(d.entries[7].key, "t.u.last");
    EXPECT_EQ(d.entries[7].line, 13U);
}

TEST(toml, refuses_what_it_does_not_understand_with_the_line_and_goes_on) {
    const struct {
        const char* text;
        const char* problem;
    } all[]{
        {"x = 1\nport 80\n", "line 2: no ="},
        {"port = eighty\n", "line 1: the value is no string"},
        {"x = 1.5\n", "the value is no string"},
        {"x =\n", "the value is no string"},
        {"x = \"abc\n", "not closed; add \""},
        {"x = 'abc", "not closed; add '"},
        {"x = \"a\\q\"\n", "unknown escape"},
        {"x = \"a\\", "unknown escape"},
        {"x = \"\\ud800\"\n", "names no character"},
        {"x = \"\"\"a\"\"\"\n", "multi-line"},
        {"x = 1 2\n", "unexpected text"},
        {"x = [1, 2\n", "not closed; add ]"},
        {"x = [1,\n", "not closed; add ]"},
        {"x = [1 2]\n", "commas"},
        {"[a\nx = 1\n", "not closed; write [name]"},
        {"[a]\n[a]\n", "line 2: table [a] is there twice"},
        {"[[a]]\n", "arrays of tables"},
        {"x = 1\nx = 2\n", "line 2: x was set in line 1"},
        {"= 1\n", "neither a [table]"},
        {"\"x\" = 1\n", "neither a [table]"},
    };
    for (const auto& [text, problem] : all) {
        const auto d = read_toml(std::string(text) + "\n");
        ASSERT_FALSE(d.problems.empty()) << text;
        EXPECT_THAT(d.problems.front(), HasSubstr(problem)) << text;
        EXPECT_THAT(d.problems.front(), HasSubstr("; ")) << text;
    }
    const auto d = read_toml("bad\ngood = 1\n");
    EXPECT_EQ(d.problems.size(), 1U);
    ASSERT_EQ(d.entries.size(), 1U);
    EXPECT_EQ(d.entries[0].key, "good");
}
