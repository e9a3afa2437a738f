// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Form 2 kept one bridge and no list of joins. The file holds a call for each situation that the scripts in
// tests/scenarios lead to.
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
