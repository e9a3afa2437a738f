// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/http/range.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <string>

using namespace z360::http;

namespace {

using kind = content_part::kind;

content_part whole(std::uint64_t size) {
    return {kind::whole, 0, size};
}
content_part part(std::uint64_t first, std::uint64_t length) {
    return {kind::part, first, length};
}
const content_part k_outside{kind::outside, 0, 0};

} // namespace

TEST(http_range, a_part_lies_between_its_first_and_its_last_byte) {
    EXPECT_EQ(read_range("bytes=0-0", 100), part(0, 1));
    EXPECT_EQ(read_range("bytes=10-19", 100), part(10, 10));
    EXPECT_EQ(read_range("bytes=0-99", 100), part(0, 100));
    EXPECT_EQ(read_range(" Bytes= 5-6 ", 100), part(5, 2));
    EXPECT_EQ(read_range("bytes=007-008", 100), part(7, 2));
}

TEST(http_range, an_open_or_too_long_part_ends_with_the_content) {
    EXPECT_EQ(read_range("bytes=90-", 100), part(90, 10));
    EXPECT_EQ(read_range("bytes=0-", 100), part(0, 100));
    EXPECT_EQ(read_range("bytes=99-100", 100), part(99, 1));
    EXPECT_EQ(read_range("bytes=1-99999999999999999999999999", 100), part(1, 99));
    constexpr auto k_most = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(read_range("bytes=0-18446744073709551615", k_most), part(0, k_most));
}

TEST(http_range, a_suffix_is_counted_from_the_end) {
    EXPECT_EQ(read_range("bytes=-1", 100), part(99, 1));
    EXPECT_EQ(read_range("bytes=-100", 100), part(0, 100));
    EXPECT_EQ(read_range("bytes=-99999999999999999999999", 100), part(0, 100));
    EXPECT_EQ(read_range("bytes=-0", 100), k_outside);
    EXPECT_EQ(read_range("bytes=-5", 0), whole(0));
}

TEST(http_range, what_begins_behind_the_content_is_outside) {
    EXPECT_EQ(read_range("bytes=100-", 100), k_outside);
    EXPECT_EQ(read_range("bytes=100-200", 100), k_outside);
    EXPECT_EQ(read_range("bytes=99999999999999999999999999-", 100), k_outside);
    EXPECT_EQ(read_range("bytes=0-", 0), k_outside);
}

TEST(http_range, several_ranges_other_units_and_malformed_ones_count_as_none) {
    for (const std::string text :
         {"",
          "bytes",
          "bytes=",
          "bytes=-",
          "bytes=5",
          "bytes=5-4",
          "bytes=0-1,3-4",
          "bytes=0-1,",
          "bytes=-1,-2",
          "bytes=a-b",
          "bytes=1-b",
          "bytes=0x1-2",
          "bytes=+1-2",
          "bytes=1--2",
          "bytes=1 - 2",
          "seconds=0-1",
          "byte=0-1",
          "bytess=0-1",
          "bytes 0-1",
          "=0-1"})
        EXPECT_EQ(read_range(text, 100), whole(100)) << text;
}

TEST(http_range, only_a_get_with_one_range_and_no_version_asks_for_a_part) {
    request req;
    req.method = "GET";
    EXPECT_EQ(asked_part(req, 100), whole(100));
    req.headers.add("range", "bytes=1-2");
    EXPECT_EQ(asked_part(req, 100), part(1, 2));
    auto head = req;
    head.method = "HEAD";
    EXPECT_EQ(asked_part(head, 100), whole(100));
    auto twice = req;
    twice.headers.add("Range", "bytes=3-4");
    EXPECT_EQ(asked_part(twice, 100), whole(100));
    auto versioned = req;
    versioned.headers.add("If-Range", "\"v1\"");
    EXPECT_EQ(asked_part(versioned, 100), whole(100));
}

TEST(http_range, an_answer_says_which_part_it_holds) {
    response r;
    mark_part(r, part(10, 5), 100);
    EXPECT_EQ(r.status, 206);
    EXPECT_EQ(r.headers.get("Content-Range"), "bytes 10-14/100");
    EXPECT_EQ(r.headers.get("Accept-Ranges"), "bytes");
    response all;
    mark_part(all, whole(100), 100);
    EXPECT_EQ(all.status, 200);
    EXPECT_EQ(all.headers.count("Content-Range"), 0U);
    EXPECT_EQ(all.headers.get("Accept-Ranges"), "bytes");
    const auto refused = range_refused(100);
    EXPECT_EQ(refused.status, 416);
    EXPECT_EQ(refused.headers.get("Content-Range"), "bytes */100");
    EXPECT_EQ(reason(416), "Range Not Satisfiable");
}
