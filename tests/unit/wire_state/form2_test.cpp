// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The same of form 2, which kept one bridge and no list of joins. The file holds a call for each situation
// that the scripts in tests/scenarios lead to.
#include "stored_calls.hpp"
#include "wire/state_codec.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;
using nlohmann::json;

namespace {

json stored() {
    return z360::testing::stored_calls("form2");
}

} // namespace

TEST(state_form_2, i_20_a_call_of_the_previous_program_stands_where_it_stood_and_goes_on) {
    const auto calls = stored();
    ASSERT_GT(calls.size(), 50U);
    for (const auto& one : calls) {
        SCOPED_TRACE(one["name"].get<std::string>());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        EXPECT_EQ(name(phase_of(*s)), one["phase"].get<std::string>());
        EXPECT_EQ(broken_invariant(*s), nullptr);
        std::optional<time_point> due;
        if (one.contains("deadline")) due = time_point{millis{one["deadline"].get<std::int64_t>()}};
        EXPECT_EQ(deadline(*s), due);
        for (const auto& [what, then] : one["then"].items())
            EXPECT_EQ(z360::testing::happens(*s, what, due), then.get<std::string>()) << what;
    }
}

TEST(state_form_2, i_20_winner_and_dropped_legs_are_joins) {
    int talks = 0;
    int dropped = 0;
    for (const auto& one : stored()) {
        SCOPED_TRACE(one["name"].get<std::string>());
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto& bridge = one["call"]["bridge"];
        EXPECT_EQ(s->epoch, bridge["epoch"].get<unsigned>());
        const auto* w = winner(*s);
        EXPECT_EQ(w != nullptr ? json(w->id.text()) : json(), bridge["winner"]);
        const auto since = bridged_at(*s);
        EXPECT_EQ(since ? json(since->time_since_epoch().count()) : json(), one["call"]["bridged_at"]);
        talks += since ? 1 : 0;
        for (const auto& l : one["call"]["legs"]) {
            const bool out = l["out_of_race"].get<bool>();
            EXPECT_EQ(out_of_race(*s, leg_id::parse(l["id"].get<std::string>()).value()), out);
            dropped += out ? 1 : 0;
        }
    }
    EXPECT_GT(talks, 5);
    EXPECT_GT(dropped, 5);
}

TEST(state_form_2, i_20_once_written_by_this_program_it_is_of_this_form) {
    for (const auto& one : stored()) {
        const auto s = wire::decode_state(one["call"].dump());
        ASSERT_TRUE(s);
        const auto again = json::parse(wire::encode(*s));
        EXPECT_EQ(again["v"], wire::k_state_version);
        EXPECT_FALSE(again.contains("bridge"));
        const auto back = wire::decode_state(again.dump());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, *s);
    }
}

TEST(state_form_2, a_damaged_call_is_refused_not_guessed) {
    auto j = stored().at(0)["call"];
    ASSERT_TRUE(wire::decode_state(j.dump()));
    for (const char* key : {"bridge", "legs", "twins", "caller", "id"}) {
        auto damaged = j;
        damaged[key] = 7;
        EXPECT_FALSE(wire::decode_state(damaged.dump())) << key;
    }
}
