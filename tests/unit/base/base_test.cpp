// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <type_traits>

using namespace z360;

TEST(uuid, reads_and_prints_the_canonical_form) {
    const auto u = uuid::parse("428C31b6-7af4-4bcb-b7f5-5013ef9657c1");
    ASSERT_TRUE(u);
    EXPECT_EQ(u->text(), "428c31b6-7af4-4bcb-b7f5-5013ef9657c1");
    for (const char* bad :
         {"", "428c31b6", "428c31b6-7af4-4bcb-b7f5-5013ef9657c", "428c31b67af4-4bcb-b7f5-5013ef9657c1-",
          "428c31b6-7af4-4bcb-b7f5-5013ef9657g1", "{28c31b6-7af4-4bcb-b7f5-5013ef9657c1"})
        EXPECT_FALSE(uuid::parse(bad)) << bad;
}

TEST(uuid, i_18_derivation_is_deterministic_and_distinct) {
    const auto parent = *uuid::parse("428c31b6-7af4-4bcb-b7f5-5013ef9657c1");
    std::set<std::string> seen;
    for (std::uint64_t salt = 0; salt < 10'000; ++salt) {
        const auto child = derive_uuid(parent, salt);
        EXPECT_EQ(child, derive_uuid(parent, salt));
        EXPECT_EQ(child.text()[14], '8');
        EXPECT_TRUE(seen.insert(child.text()).second) << salt;
    }
    EXPECT_NE(derive_uuid("a"), derive_uuid("b"));
}

TEST(time, iso8601_round_trips_and_accepts_what_telnyx_sends) {
    const auto t = parse_iso8601("2018-02-02T22:25:27.521992Z");
    ASSERT_TRUE(t);
    EXPECT_EQ(iso8601(*t), "2018-02-02T22:25:27.521Z");
    EXPECT_EQ(parse_iso8601("2018-02-03T00:25:27.521+02:00"), t);
    EXPECT_TRUE(parse_iso8601("2024-02-29T00:00:00Z"));
    for (const char* bad :
         {"", "2018", "2018-02-30T00:00:00Z", "2018-02-02T22:25:27", "2018-02-02T22:25:27.Z",
          "2018-02-02T22:25:27Zx", "2018-13-02T22:25:27Z"})
        EXPECT_FALSE(parse_iso8601(bad)) << bad;
}

template <class T>
concept streamable = requires(std::ostream& o, const T& t) { o << t; };

TEST(secret, i_06_cannot_be_printed_or_converted) {
    static_assert(!streamable<secret>);
    static_assert(!std::is_convertible_v<secret, std::string>);
    static_assert(!std::is_convertible_v<secret, std::string_view>);
    const secret s(std::string("hunter2"));
    EXPECT_EQ(s.reveal(), "hunter2");
}
