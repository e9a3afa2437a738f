// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Several rings in one call: what transfer, forwarding and another try are made of.
#include "call/parts.hpp"
#include "call/voicemail.hpp"
#include "support/scenario.hpp"
#include "unit/call/forward.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

/// Two devices are rung in vain, then a third.
struct forwarded_call : ::testing::Test {
    forwarded_call() : parts(call::parts().begin(), call::parts().end()) {
        parts.insert(std::find(parts.begin(), parts.end(), &voicemail::k_component), &forward::k_component);
        take(call::begin(parts, sample_incoming(2), k_start));
        first = leg_of_device(0, 1);
        second = leg_of_device(1, 2);
        feed(leg_initiated{first});
        feed(leg_initiated{second});
    }
    [[nodiscard]] leg_ref leg_of_device(std::size_t at, int n) const {
        return {control_id(n), s.legs.at(at).id};
    }
    void time_is_up() {
        issued.clear();
        now = current_ring(s)->deadline;
        feed(tick{});
    }
    void feed(const event& what) {
        now += millis{1};
        take(call::decide(parts, s, what, now, authority::newest));
    }
    void take(decision d) {
        s = std::move(d.next);
        EXPECT_EQ(broken_invariant(s), nullptr);
        for (auto& e : d.effects)
            if (auto c = command_of(e)) issued.push_back(std::move(*c));
    }
    [[nodiscard]] int count(verb what) const {
        return static_cast<int>(std::count_if(issued.begin(), issued.end(), [what](const auto& c) {
            return c.what() == what;
        }));
    }

    std::vector<const component*> parts;
    state s;
    time_point now = k_start;
    leg_ref first;
    leg_ref second;
    leg_ref caller{"v3:caller", std::nullopt};
    std::vector<command> issued;
};

} // namespace

TEST_F(forwarded_call, i_11_another_ring_follows_and_the_first_ones_legs_stop) {
    time_is_up();
    ASSERT_EQ(s.rings.size(), 2U);
    EXPECT_EQ(s.rings[0].over, ring_end::nobody_answered);
    EXPECT_EQ(s.rings[1].over, ring_end::none);
    EXPECT_EQ(s.rings[1].deadline, now + s.routed.rules.ring_time);
    EXPECT_EQ(phase_of(s), phase::ringing);
    EXPECT_EQ(deadline(parts, s), s.rings[1].deadline);
    EXPECT_EQ(count(verb::dial), 1);
    EXPECT_EQ(count(verb::hangup), 2);
    EXPECT_EQ(count(verb::answer), 0) << "no voicemail yet";
    ASSERT_EQ(s.legs.size(), 3U);
    EXPECT_EQ(s.legs[2].ring, 2U);
    for (std::size_t i = 0; i < 2; ++i)
        EXPECT_EQ(s.legs[i].release, release_reason::ring_timeout);
}

TEST_F(forwarded_call, i_03_who_answers_in_the_second_ring_is_joined) {
    time_is_up();
    const auto third = leg_of_device(2, 3);
    feed(leg_answered{third});
    EXPECT_EQ(phase_of(s), phase::answering);
    feed(leg_answered{caller});
    feed(leg_bridged{third});
    feed(leg_bridged{caller});
    EXPECT_EQ(phase_of(s), phase::active);
    EXPECT_TRUE(is_winner(s, s.legs[2].id));
    EXPECT_EQ(s.rings[0].over, ring_end::nobody_answered);
    EXPECT_EQ(s.rings[1].over, ring_end::answered);
    feed(leg_hangup{third, "normal_clearing"});
    EXPECT_EQ(s.reason, end_reason::completed);
    EXPECT_EQ(s.rings[1].over, ring_end::answered);
}

TEST_F(forwarded_call, i_03_an_answer_of_the_first_ring_that_comes_too_late_claims_nobody) {
    time_is_up();
    feed(leg_answered{first});
    EXPECT_EQ(phase_of(s), phase::ringing);
    EXPECT_TRUE(s.joins.empty());
    feed(leg_answered{leg_of_device(2, 3)});
    EXPECT_EQ(winner(s), &s.legs[2]);
}

TEST_F(forwarded_call, i_21_a_leg_of_the_first_ring_that_is_joined_after_all_has_the_caller) {
    time_is_up();
    issued.clear();
    feed(leg_bridged{first});
    feed(leg_bridged{caller});
    EXPECT_EQ(phase_of(s), phase::active);
    EXPECT_TRUE(is_winner(s, s.legs[0].id));
    EXPECT_NE(s.legs[2].release, release_reason::none) << "the second ring rings for nobody";
    EXPECT_EQ(s.rings[1].over, ring_end::answered);
}

TEST_F(forwarded_call, be_03_both_in_vain_is_voicemail) {
    time_is_up();
    time_is_up();
    EXPECT_EQ(phase_of(s), phase::voicemail);
    EXPECT_EQ(s.rings.size(), 2U);
    EXPECT_EQ(s.rings[1].over, ring_end::nobody_answered);
    EXPECT_EQ(s.legs[2].release, release_reason::ring_timeout);
}

TEST_F(forwarded_call, i_09_a_caller_who_leaves_ends_the_ring_that_is_on) {
    time_is_up();
    feed(leg_hangup{caller, "originator_cancel"});
    EXPECT_EQ(s.reason, end_reason::caller_cancelled);
    EXPECT_EQ(s.rings[0].over, ring_end::nobody_answered);
    EXPECT_EQ(s.rings[1].over, ring_end::call_over);
    EXPECT_EQ(s.legs[2].release, release_reason::caller_gone);
}

TEST_F(forwarded_call, i_12_a_device_asks_once_in_each_ring) {
    feed(leg_hangup{first, "user_busy"});
    device_asks again;
    again.what = request_kind::ring;
    again.id = "once";
    again.device = device_id{1};
    again.until = now + std::chrono::hours{1};
    again.at = {s.routed.targets.front()};
    for (const auto& t : s.routed.targets)
        if (t.device == again.device) again.at = {t};
    feed(again);
    ASSERT_EQ(s.verdicts.back().why, refusal::none);
    const auto let_in = s.legs.back().id;
    feed(leg_hangup{{control_id(5), let_in}, "user_busy"});
    again.id = "twice";
    feed(again);
    EXPECT_EQ(s.verdicts.back().why, refusal::let_in_before);
    time_is_up();
    again.id = "another ring";
    feed(again);
    EXPECT_EQ(s.verdicts.back().why, refusal::none);
    EXPECT_EQ(s.legs.back().ring, 2U);
}
