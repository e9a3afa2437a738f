// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls that the program before form 2 stored, in every situation of a call, and what that program made of
// each when something happened: read by this one they stand where they stood and go on as they would have.
#include "stored_calls.hpp"
#include "wire/state_codec.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;
using nlohmann::json;

namespace {

json stored() {
    return z360::testing::stored_calls("form1");
}

} // namespace

TEST(state_form_1, i_20_a_call_of_the_previous_program_stands_where_it_stood_and_goes_on) {
    const auto calls = stored();
    ASSERT_GT(calls.size(), 20U);
    for (const auto& one : calls) {
        SCOPED_TRACE(one["name"].get<std::string>());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        EXPECT_EQ(name(phase_of(*s)), one["call"]["phase"].get<std::string>());
        EXPECT_EQ(broken_invariant(*s), nullptr);
        std::optional<time_point> due;
        if (one.contains("deadline")) due = time_point{millis{one["deadline"].get<std::int64_t>()}};
        EXPECT_EQ(deadline(*s), due);
        for (const auto& [what, then] : one["then"].items())
            EXPECT_EQ(z360::testing::happens(*s, what, due), then.get<std::string>()) << what;
    }
}

TEST(state_form_1, i_20_once_written_by_this_program_it_is_of_this_form) {
    for (const auto& one : stored()) {
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto again = json::parse(wire::encode(*s));
        EXPECT_EQ(again["v"], wire::k_state_version);
        EXPECT_FALSE(again.contains("phase"));
        const auto back = wire::decode_state(again.dump());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, *s);
    }
}

TEST(state_form_1, a_damaged_call_is_refused_not_guessed) {
    auto j = stored().at(0)["call"];
    ASSERT_TRUE(wire::decode_state(j.dump()));
    for (const char* key : {"bridge", "legs", "twins", "caller"}) {
        auto damaged = j;
        damaged[key] = 7;
        EXPECT_FALSE(wire::decode_state(damaged.dump())) << key;
    }
}
