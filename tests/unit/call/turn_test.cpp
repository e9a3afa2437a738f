// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Turns of a ring plan at their edges: whose time is over, who was not there when the call began, what is due
// when somebody has the caller.
#include "support/scenario.hpp"

#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::sample_incoming;

namespace {

const time_point k_start{millis{1'800'000'000'000}};

user_id person(int device) {
    return {1'000 + device};
}
branch of_device(int n, millis lasts = millis{0}, millis after = millis{0}) {
    branch b;
    b.user = person(n);
    b.lasts = lasts;
    b.after = after;
    return b;
}

/// A call of people with a device each.
struct turns : ::testing::Test {
    void begin(ring_plan plan, int devices, bool push = false) {
        auto e = sample_incoming(devices);
        e.routed.user = mailbox;
        e.routed.rules.wake_by_push = push;
        for (auto& t : e.routed.targets)
            t.user = person(static_cast<int>(t.device.value));
        e.routed.rules.ring_time = length_of(plan);
        e.routed.plan = std::move(plan);
        take(call::begin(e, k_start));
    }
    void at(long ms, const event& what, authority may = authority::newest) {
        now = k_start + millis{ms};
        take(decide(s, what, now, may));
    }
    void take(decision d) {
        s = std::move(d.next);
        ASSERT_EQ(broken_invariant(s), nullptr);
        for (auto& e : d.effects)
            if (const auto* x = std::get_if<effect>(&e)) issued.push_back(*x);
    }
    [[nodiscard]] leg_ref leg(int device) const {
        const auto& l = *leg_to(device);
        return {"v3:" + l.id.text(), l.id};
    }
    [[nodiscard]] const call::leg* leg_to(int device) const {
        const call::leg* found = nullptr;
        for (const auto& l : s.legs)
            if (l.device() == device_id{device}) found = &l;
        return found;
    }
    [[nodiscard]] int dials() const {
        return static_cast<int>(std::count_if(issued.begin(), issued.end(), [](const effect& e) {
            const auto c = command_of(e);
            return c && c->what() == verb::dial;
        }));
    }
    void woken(long ms, int device) {
        push_outcome o;
        o.device = device_id{device};
        o.what = push::kind::incoming_call;
        o.ring = 1;
        o.sent = true;
        o.result = outcome::done;
        at(ms, o);
    }
    refusal asks(long ms, target to) {
        device_asks r;
        r.what = request_kind::ring;
        r.id = "r" + std::to_string(ms);
        r.device = to.device;
        r.until = k_start + millis{ms + 5'000};
        r.at = {std::move(to)};
        at(ms, r);
        return s.verdicts.back().why;
    }
    /// One that came to this person after the call had begun.
    static target new_device(user_id of) {
        return {device_id{90}, identity_id{190}, "gencred90", "new", "ios", of};
    }
    [[nodiscard]] long next() const {
        const auto d = deadline(s);
        return d ? (*d - k_start).count() : -1;
    }
    user_id mailbox;
    state s;
    time_point now = k_start;
    std::vector<effect> issued;
};

} // namespace

TEST_F(turns, i_09_a_phone_that_was_woken_in_vain_is_not_waited_for_after_its_turn) {
    const millis turn{10'000};
    begin(
        {{turn, {of_device(1, turn)}}, {turn, {of_device(2, turn)}}, {turn, {of_device(3, turn)}}}, 3, true
    );
    woken(50, 1);
    at(100, leg_hangup{leg(1), "user_not_registered"});
    EXPECT_TRUE(leg_to(2)->awaits_turn()) << "the push may wake it yet";
    at(10'000, tick{});
    ASSERT_FALSE(leg_to(2)->awaits_turn());
    woken(10'050, 2);
    at(11'000, leg_hangup{leg(2), "call_rejected"});
    EXPECT_FALSE(leg_to(3)->awaits_turn()) << "nobody whose turn it is can answer any more";
    at(12'000, leg_hangup{leg(3), "call_rejected"});
    EXPECT_EQ(phase_of(s), phase::voicemail);
}

TEST_F(turns, i_12_a_phone_that_wakes_or_asks_after_its_turn_is_not_rung) {
    const millis turn{10'000};
    begin({{turn, {of_device(1, turn)}}, {turn, {of_device(2, turn)}}}, 2, true);
    woken(50, 1);
    at(100, leg_hangup{leg(1), "user_not_registered"});
    at(10'000, tick{});
    const auto before = dials();
    at(12'000, push_received{device_id{1}, true});
    EXPECT_EQ(dials(), before);
    EXPECT_EQ(asks(13'000, s.routed.targets[0]), refusal::not_ringing);
    EXPECT_EQ(dials(), before);
    EXPECT_EQ(s.legs.size(), 2U);
}

TEST_F(turns, b30_a_device_that_came_during_the_call_has_its_persons_turn) {
    const millis turn{10'000};
    begin({{turn, {of_device(1, turn)}}, {turn, {of_device(2, turn)}}}, 2);
    EXPECT_EQ(asks(1'000, new_device(person(2))), refusal::not_ringing) << "not their turn yet";
    EXPECT_EQ(asks(2'000, new_device(person(1))), refusal::none);
    ASSERT_NE(leg_to(90), nullptr);
    EXPECT_EQ(leg_to(90)->until, leg_to(1)->until);
    at(10'000, tick{});
    EXPECT_TRUE(leg_to(90)->stopped) << "their turn is over";
    auto another = new_device(person(1));
    another.device = {91};
    another.identity = {191};
    EXPECT_EQ(asks(11'000, another), refusal::not_ringing);
    another.user = person(2);
    EXPECT_EQ(asks(12'000, another), refusal::none);
}

TEST_F(turns, b30_who_had_no_device_when_the_call_began_is_rung_in_their_turn_too) {
    const millis turn{10'000};
    begin(
        {{turn, {of_device(1, turn)}}, {turn, {of_device(9, turn), of_device(2)}}, {turn, {of_device(3)}}}, 3
    );
    EXPECT_EQ(asks(1'000, new_device(person(9))), refusal::not_ringing);
    at(10'000, tick{});
    EXPECT_EQ(asks(12'000, new_device(person(9))), refusal::none);
    ASSERT_NE(leg_to(90), nullptr);
    EXPECT_EQ(leg_to(90)->until, k_start + millis{22'000});
}

TEST_F(turns, i_12_whose_messages_are_left_is_not_rung_unless_the_plan_names_them) {
    mailbox = user_id{7'000};
    begin({{millis{20'000}, {of_device(1)}}}, 1);
    const auto before = dials();
    EXPECT_EQ(asks(1'000, new_device(mailbox)), refusal::may_not_ring);
    EXPECT_EQ(dials(), before);
}

TEST_F(turns, i_11_nobody_elses_phone_rings_once_somebody_has_answered) {
    begin({{millis{20'000}, {of_device(1), of_device(2, millis{0}, millis{3'000})}}}, 2);
    at(50, leg_initiated{leg(1)});
    at(3'000, leg_answered{leg(1)}); // before the tick of the same moment
    EXPECT_EQ(dials(), 1);
    EXPECT_TRUE(leg_to(2)->awaits_turn());
    EXPECT_NE(next(), 3'000) << "nothing is due any more";
}

TEST_F(turns, be_24_who_has_picked_up_has_the_time_to_press_the_key_though_the_next_wave_begins) {
    branch number;
    number.number = "+15550108888";
    begin({{millis{5'000}, {number}}, {millis{5'000}, {of_device(1)}}}, 1);
    const auto& l = s.legs[0];
    const leg_ref theirs{"v3:number", l.id};
    at(4'000, leg_answered{theirs}); // asked until 24,000
    at(5'000, tick{});
    ASSERT_FALSE(leg_to(1)->awaits_turn());
    at(10'000, tick{});
    EXPECT_EQ(phase_of(s), phase::ringing) << "they hear what to press";
    at(12'000, digits_gathered{theirs, "1"});
    EXPECT_NE(winner(s), nullptr);
}

// Somebody who is due in the last moments of a ring, and whose time was missed, is nobody to be looked at
// again and again.
TEST_F(turns, i_16_who_was_missed_in_the_last_second_is_not_waited_for) {
    begin({{millis{10'000}, {of_device(1), of_device(2, millis{0}, millis{8'000})}}}, 2);
    at(9'500, tick{});
    EXPECT_EQ(dials(), 1);
    EXPECT_GT(next(), 9'500);
}

TEST_F(turns, i_16_no_deadline_stays_in_the_past) {
    const millis turn{10'000};
    begin(
        {{turn, {of_device(1, millis{5'000}), of_device(2, millis{0}, millis{4'000})}}, {turn, {of_device(3)}}
        },
        3, true
    );
    woken(10, 1);
    at(20, leg_hangup{leg(1), "not_found"});
    for (int n = 0; n < 50 && deadline(s); ++n) {
        const auto due = std::max(next(), (now - k_start).count());
        const bool is_late = n % 2 == 0;
        at(due + (is_late ? 700 : 0), tick{});
        if (phase_of(s) != phase::ringing) return;
        ASSERT_GT(next(), (now - k_start).count());
    }
    FAIL() << "the ring does not end";
}
