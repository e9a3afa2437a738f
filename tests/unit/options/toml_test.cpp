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
        {"x = 1 2\n", "unexpected text"},
        {"x = [1, 2\n", "not closed; add ]"},
        {"x = [1,\n", "not closed; add ]"},
        {"x = [1 2]\n", "commas"},
        {"[a\nx = 1\n", "not closed; write [name]"},
        {"[a]\n[a]\n", "line 2: table [a] is there twice"},
        {"[[a]]\n", "arrays of tables"},
        {"x = 1\nx = 2\n", "line 2: x was set in line 1"},
        {"= 1\n", "neither a [table]"},
        {"\"x y\" = 1\n", "names are letters"},
        {"\"x.y\" = 1\n", "names are letters"},
        {"[a b]\nx = 1\n", "line 1: "},
        {"[]\nx = 1\n", "names are letters"},
        {"x. = 1\n", "names are letters"},
        {"x: 1\n", "no ="},
        {"x = True\n", "the value is no string"},
        {"x = 10s\n", "the value is no string"},
        {"x = 127.0.0.1\n", "the value is no string"},
        {"x = https://a.example\n", "the value is no string"},
        {"x = 1979-05-27\n", "the value is no string"},
        {"x = 1979-05-27T07:32:00Z\n", "the value is no string"},
        {"x = 1979-13-27\n", "the value is no string"},
        {"x = inf\n", "the value is no string"},
        {"x = [1.5]\n", "the value is no string"},
        {"x = [[1]]\n", "the value is no string"},
        {"x = _\n", "the value is no string"},
        {"x = 1__0\n", "write 1_000"},
        {"x = 0123\n", "does not begin with 0"},
        {"x = 99999999999999999999\n", "too many digits"},
        {"x = \"\\u00e\"\n", "hex digits"},
        {"x = \"\\U00110000\"\n", "names no character"},
        {"x = \"a\x01\"\n", "control character"},
        {"x = 'a\x01'\n", "control character"},
        {"# a\x01\n", "control character"},
        {"x = \"\\u0000\"\n", "a NUL"},
        {"x = \"\xFF\"\n", "no UTF-8"},
        {"\xFF\xFE[\n", "no UTF-8"},
        {"x = 1\ry = 2\n", "carriage return"},
        {"x = \"a\rb\"\n", "control character"},
        {"x = [[[[[[1]]]]]]\n", "too many brackets"},
        {"x = {a = 1\n", "the {table} is broken"},
        {"a = 1\na.b = 2\n", "line 2: a name is there twice, or as a table"},
        {"[a]\nb.c = 1\n[a.b]\nd = 2\n", "line 3: table [a.b] is there twice"},
        {"[a]\nx = 1\n[b]\nx = 2\nx = 3\n", "line 5: b.x was set in line 4"},
        {"a.x = 1\nb.x = 2\na . x = 3\n", "line 3: a.x was set in line 1"},
    };
    for (const auto& [text, problem] : all) {
        const auto d = read_toml(std::string(text) + "\n");
        ASSERT_FALSE(d.problems.empty()) << text;
        EXPECT_THAT(d.problems.front(), HasSubstr(problem)) << text;
        EXPECT_THAT(d.problems.front(), HasSubstr("; ")) << text;
    }
    const std::string nul("x = \"a\0b\"\n", 10);
    EXPECT_THAT(read_toml(nul).problems, ElementsAre(HasSubstr("control character")));
    const auto d = read_toml("bad\ngood = 1\n");
    EXPECT_EQ(d.problems.size(), 1U);
    ASSERT_EQ(d.entries.size(), 1U);
    EXPECT_EQ(d.entries[0].key, "good");
}

TEST(toml, reads_what_else_other_programs_write) {
    const auto d = read_toml("\"x\" = 0x1F\n"
                             "y = \"\"\"\na\nb\"\"\"\n"
                             "z = {a = 'one', b.c = [true]}\n"
                             "[ \"t\" . u ]\n");
    EXPECT_TRUE(d.problems.empty()) << d.problems.front();
    ASSERT_EQ(d.entries.size(), 4U);
    EXPECT_EQ(d.entries[0].key, "x");
    EXPECT_THAT(d.entries[0].values, ElementsAre("31"));
    EXPECT_THAT(d.entries[1].values, ElementsAre("a\nb"));
    EXPECT_EQ(d.entries[1].line, 2U);
    EXPECT_EQ(d.entries[2].key, "z.a");
    EXPECT_EQ(d.entries[3].key, "z.b.c");
    EXPECT_EQ(d.entries[3].line, 5U);
    EXPECT_TRUE(d.entries[3].list);
}

TEST(toml, tells_every_broken_line_and_reads_the_others) {
    const auto d = read_toml("a = yes\r\nb = 2\r\nc\r\n[t]\r\nd = \"x\r\ne = 5\r\n");
    EXPECT_THAT(
        d.problems, ElementsAre(
                        HasSubstr("line 1: the value is no string"), HasSubstr("line 3: no ="),
                        HasSubstr("line 5: the string is not closed")
                    )
    );
    ASSERT_EQ(d.entries.size(), 2U);
    EXPECT_EQ(d.entries[0].key, "b");
    EXPECT_EQ(d.entries[1].key, "t.e");
    EXPECT_EQ(d.entries[1].line, 6U);
}

TEST(toml, an_array_that_is_not_closed_costs_itself_alone) {
    for (const char* text : {"a = [\n 1,\n 2\nb = 3\nc = 4\n", "a = [\n 1,\n 2,\nb = 3\nc = 4\n"}) {
        const auto d = read_toml(text);
        EXPECT_THAT(d.problems, ElementsAre(HasSubstr("it begins in line 1"))) << text;
        ASSERT_EQ(d.entries.size(), 2U) << text;
        EXPECT_EQ(d.entries[0].key, "b");
        EXPECT_EQ(d.entries[1].key, "c");
    }
    const auto d = read_toml("b = 3\na = [\n 1,\n 2\n");
    EXPECT_THAT(d.problems, ElementsAre(HasSubstr("not closed; add ] (it begins in line 2)")));
    EXPECT_EQ(d.entries.size(), 1U);
}

TEST(toml, a_problem_never_quotes_a_value) {
    for (const char* text :
         {"k = canary\n", "k = \"canary\n", "k = \"canary\" canary\n", "k = 'canary", "canary canary\n",
          "k = [\"canary\" canary]\n", "k = \"canary\\canary\"\n", "k = \"canary\"\nk = \"canary\"\n",
          "k = 77777777777777777777777\n", "k = {canary}\n", "[canary\n", "k = 1979-canary\n"})
        for (const auto& p : read_toml(text).problems) {
            EXPECT_EQ(p.find("canary"), std::string::npos) << p;
            EXPECT_EQ(p.find("777"), std::string::npos) << p;
        }
}

TEST(toml, the_largest_file_is_read_or_refused_in_moments_whatever_is_in_it) {
    constexpr std::size_t k_size = std::size_t{1} << 20;
    const auto repeated = [](std::string_view head, std::string_view part, std::string_view end = "") {
        std::string out(head);
        while (out.size() < k_size)
            out += part;
        return out += end;
    };
    std::string keys;
    for (int i = 0; keys.size() < k_size; ++i)
        keys += "k" + std::to_string(i) + " = " + std::to_string(i) + "\n";
    const auto d = read_toml(keys);
    EXPECT_TRUE(d.problems.empty());
    EXPECT_GT(d.entries.size(), 60'000U);
    EXPECT_EQ(read_toml(repeated("x = [", "1, ", "]")).entries.size(), 1U);
    EXPECT_EQ(read_toml(repeated("x = '", "a", "'")).entries.at(0).values.at(0).size(), k_size - 5);
    // Too deep for a library that frees tables recursively.
    EXPECT_THAT(read_toml(repeated("x", ".a", " = 1")).problems, ElementsAre(HasSubstr("too many dots")));
    EXPECT_THAT(read_toml(repeated("x = ", "[")).problems, ElementsAre(HasSubstr("too many brackets")));
    EXPECT_THAT(read_toml(repeated("x = ", "{a=")).problems, ElementsAre(HasSubstr("too many brackets")));
    EXPECT_EQ(read_toml(repeated("", "no\n")).problems.size(), 20U);
    EXPECT_EQ(read_toml(repeated("x = 1\n", "x = 1\n")).problems.size(), 20U);
    EXPECT_FALSE(read_toml(repeated("x = [\n", "1,\n")).problems.empty());
    std::string deepest;
    for (int i = 0; i < 1'999; ++i)
        deepest += "a.";
    deepest += "a";
    const auto deep = read_toml("[" + deepest + "]\n" + deepest + " = [\n{" + deepest + " = 1}]\n");
    EXPECT_THAT(deep.problems, ElementsAre(HasSubstr("line 2: arrays of tables are not used here")));
}
