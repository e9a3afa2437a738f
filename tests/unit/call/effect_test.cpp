// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

using namespace z360;
using namespace z360::call;

TEST(effects, every_line_of_the_timeline_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (int i = 0; i < k_remark_count; ++i) {
        const auto word = name(static_cast<remark>(i));
        EXPECT_NE(word, "?") << i;
        EXPECT_TRUE(names.insert(word).second) << word << " twice";
    }
    EXPECT_EQ(name(static_cast<remark>(k_remark_count)), "?") << "k_remark_count counts them all";
}

TEST(effects, every_channel_is_found_by_its_name) {
    for (int i = 0; i < k_channel_count; ++i) {
        const auto c = static_cast<channel>(i);
        EXPECT_EQ(channel_named(name(c)), c);
    }
    EXPECT_EQ(name(static_cast<channel>(k_channel_count)), "?");
    EXPECT_EQ(channel_named("?"), std::nullopt);
    EXPECT_EQ(channel_named("fax"), std::nullopt);
    EXPECT_EQ(channel_named(""), std::nullopt);
}

TEST(effects, a_command_is_an_effect_and_comes_out_of_it_as_it_went_in) {
    command c;
    c.id = "id";
    c.call = call_id{uuid{1, 2}};
    c.org = org_id{7};
    c.call_control_id = "v3:leg";
    c.leg = leg_id{uuid{3, 4}};
    c.issued_at = time_point{millis{5}};
    c.deadline = time_point{millis{6}};
    c.body = hangup_body{release_reason::caller_gone};
    const effect e = c;
    EXPECT_EQ(channel_of(e), channel::carrier);
    EXPECT_EQ(kind_of(e), "hangup");
    const auto back = command_of(e);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->id, c.id);
    EXPECT_EQ(back->call, c.call);
    EXPECT_EQ(back->org, c.org);
    EXPECT_EQ(back->call_control_id, c.call_control_id);
    EXPECT_EQ(back->leg, c.leg);
    EXPECT_EQ(back->issued_at, c.issued_at);
    EXPECT_EQ(back->deadline, c.deadline);
    EXPECT_EQ(std::get<hangup_body>(back->body).why, release_reason::caller_gone);
    EXPECT_FALSE(command_of(output{note{}}));
    EXPECT_TRUE(command_of(output{e}));
    effect other;
    other.body = test_effect{};
    EXPECT_EQ(channel_of(other), channel::test);
    EXPECT_FALSE(command_of(other));
}

TEST(effects, the_end_of_each_kind_is_an_event_and_comes_out_of_it_again) {
    command_outcome c;
    c.command_id = "c";
    c.result = outcome::peer_gone;
    c.error_code = "90018";
    c.attempts = 3;
    const test_outcome t{"t", outcome::expired, "", 2};
    for (const effect_outcome& o : {effect_outcome{c}, effect_outcome{t}}) {
        const auto back = outcome_in(event_of(o));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->index(), o.index());
        EXPECT_EQ(end_of(*back).id, end_of(o).id);
        EXPECT_EQ(end_of(*back).result, end_of(o).result);
        EXPECT_EQ(end_of(*back).attempts, end_of(o).attempts);
    }
    EXPECT_EQ(end_of(c).id, "c");
    EXPECT_EQ(end_of(c).error, "90018");
    EXPECT_EQ(end_of(t).result, outcome::expired);
    EXPECT_FALSE(outcome_in(tick{}));
    EXPECT_FALSE(outcome_in(leg_answered{}));
}
