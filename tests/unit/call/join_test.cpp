// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The list of joins: which leg was claimed, joined and given up, and what the carrier said of each.
#include "support/scenario.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/view.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_now{millis{1'800'000'000'000}};
const leg_ref k_caller{"v3:caller", std::nullopt};

class call_joins : public ::testing::Test {
  protected:
    leg_ref device(int n) const {
        for (const auto& l : s.legs)
            if (l.device() == device_id{n}) return {control_id(n), l.id};
        return {};
    }
    void feed(const event& e, millis later = millis{10}) {
        at += later;
        s = decide(s, e, at).next;
        ASSERT_EQ(broken_invariant(s), nullptr) << name(e);
    }
    void ring(int devices) {
        s = begin(sample_incoming(devices), at).next;
        for (int n = 1; n <= devices; ++n)
            feed(leg_initiated{device(n)});
        feed(leg_answered{k_caller});
    }
    /// What became of the bridge that was sent last.
    void bridge(int n, outcome result) {
        command_outcome o;
        o.what = verb::bridge;
        o.who = device(n);
        o.command_id = o.who.leg->text() + "-bridge-" + std::to_string(s.epoch);
        o.result = result;
        feed(o);
    }
    /// The device asks for a pause; of which recording, by the carrier's id.
    std::string pauses() {
        device_asks e;
        e.what = request_kind::pause_recording;
        e.id = "wish";
        e.device = device_id{1};
        e.until = at + millis{60'000};
        for (const auto& x : decide(s, e, at).effects)
            if (const auto c = command_of(x); c && c->what() == verb::record_pause)
                return std::get<record_pause_body>(c->body).recording_id;
        return "none";
    }
    std::string list() const {
        std::string out;
        for (const auto& j : s.joins) {
            const auto* l = s.find(j.b);
            out += (out.empty() ? "" : ", ") + std::to_string(j.epoch) + ":d" +
                   std::to_string(l->device().value) + " " + std::string(name(j.over));
        }
        return out;
    }

    state s;
    time_point at = k_now;
};

} // namespace

TEST_F(call_joins, i_21_a_claim_that_came_to_nothing_stays_on_record_beside_the_talk) {
    ring(2);
    feed(leg_answered{device(1)});
    EXPECT_EQ(list(), "1:d1 none");
    feed(leg_answered{device(2)});
    bridge(1, outcome::peer_gone);
    const auto second = s.joins.back();
    EXPECT_EQ(list(), "1:d1 dropped, 2:d2 none");
    EXPECT_TRUE(s.joins[0].commanded && s.joins[0].peer_gone && s.joins[0].over_at == at);
    EXPECT_FALSE(s.joins[0].joined_at);
    EXPECT_TRUE(out_of_race(s, *device(1).leg));
    EXPECT_FALSE(out_of_race(s, *device(2).leg));
    EXPECT_EQ(winner(s)->device(), device_id{2});
    bridge(2, outcome::done);
    feed(leg_bridged{device(2)});
    feed(leg_bridged{k_caller});
    EXPECT_EQ(bridged_at(s), at);
    EXPECT_EQ(s.joins.back().joined_at, at);
    EXPECT_TRUE(s.joins.back().a == s.caller.id && s.joins.back().b == second.b);
    feed(leg_hangup{k_caller, "normal_clearing"});
    EXPECT_EQ(list(), "1:d1 dropped, 2:d2 talk_over");
    EXPECT_EQ(s.joins.back().over_at, s.ended_at);
    EXPECT_EQ(winner(s)->device(), device_id{2}) << "in a call that is over its last one counts";
}

TEST_F(call_joins, i_21_a_claim_is_overtaken_by_what_the_carrier_has_joined) {
    ring(2);
    feed(leg_answered{device(1)});
    feed(leg_bridged{device(2)});
    EXPECT_EQ(list(), "1:d1 overtaken, 1:d2 none");
    EXPECT_FALSE(out_of_race(s, *device(1).leg)) << "nothing proves that it cannot be joined";
    feed(leg_bridged{k_caller});
    EXPECT_EQ(phase_of(s), phase::active);
    // A reply that comes late is a fact of the join that it is about, and of no other.
    command_outcome late;
    late.what = verb::bridge;
    late.who = device(1);
    late.command_id = late.who.leg->text() + "-bridge-1";
    late.result = outcome::refused;
    feed(late);
    EXPECT_TRUE(s.joins[0].refused);
    EXPECT_FALSE(s.joins[1].refused);
    EXPECT_EQ(phase_of(s), phase::active);
}

TEST_F(call_joins, i_21_a_dropped_leg_that_is_reported_joined_is_its_join_again) {
    ring(2);
    feed(leg_answered{device(1)});
    bridge(1, outcome::refused);
    feed(tick{}, millis{5'000});
    feed(carrier_told{s.asked, true});
    ASSERT_EQ(list(), "1:d1 dropped");
    ASSERT_EQ(phase_of(s), phase::ringing);
    feed(leg_bridged{device(1)});
    EXPECT_EQ(list(), "1:d1 none");
    EXPECT_FALSE(s.joins[0].refused) << "the carrier knows better";
    EXPECT_FALSE(out_of_race(s, *device(1).leg));
    EXPECT_EQ(s.epoch, 1U) << "nobody was claimed anew";
}

TEST_F(call_joins, i_10_a_call_that_ends_before_the_bridge_has_had_no_talk) {
    ring(1);
    feed(leg_answered{device(1)});
    feed(leg_hangup{k_caller, "originator_cancel"});
    EXPECT_EQ(list(), "1:d1 call_over");
    EXPECT_FALSE(bridged_at(s));
    EXPECT_FALSE(deadline(s));
}

TEST_F(call_joins, i_16_a_leg_is_claimed_once_and_reported_once_more_at_most) {
    constexpr int k_devices = 60;
    ring(k_devices);
    for (int n = 1; n <= k_devices; ++n)
        feed(leg_answered{device(n)});
    for (int n = 1; n < k_devices; ++n)
        bridge(n, outcome::peer_gone);
    ASSERT_EQ(s.joins.size(), std::size_t{k_devices});
    EXPECT_EQ(s.epoch, 60U);
    // A leg that was let go for want of its bridge is reported, while the last one is tried.
    auto& dropped = *s.find(*device(7).leg);
    dropped.hung_up = false; // its hang-up has not reached the carrier
    feed(leg_bridged{device(7)});
    ASSERT_EQ(winner(s)->device(), device_id{7});
    for (int n = 1; n <= k_devices; ++n)
        feed(leg_bridged{device(n)});
    EXPECT_EQ(s.joins.size(), k_devices + 1U);
    EXPECT_EQ(std::count_if(s.joins.begin(), s.joins.end(), [](const join& j) { return j.counts(); }), 1);
}

// Another copy, which did not reach the store, has joined the same two: a bridge of our own would record them
// twice.
TEST_F(call_joins, i_17_the_bridge_of_another_copy_between_the_same_two_is_the_joins_own) {
    ring(1);
    feed(leg_answered{device(1)});
    ASSERT_EQ(list(), "1:d1 none");
    const auto own = s;
    command_outcome twin;
    twin.what = verb::bridge;
    twin.who = device(1);
    twin.command_id = twin.who.leg->text() + "-bridge-2";
    twin.recording_id = "rec";
    feed(twin);
    EXPECT_EQ(list(), "2:d1 none");
    EXPECT_TRUE(s.joins.back().accepted);
    EXPECT_EQ(s.joins.back().quiet_from, own.joins.back().quiet_from) << "ours may be on its way";
    call::command bridge;
    bridge.id = twin.who.leg->text() + "-bridge-1";
    bridge.leg = twin.who.leg;
    bridge.call_control_id = twin.who.call_control_id;
    bridge.body = bridge_body{};
    EXPECT_TRUE(wanted(own, bridge));
    EXPECT_FALSE(wanted(s, bridge));
    feed(leg_bridged{device(1)});
    feed(leg_bridged{k_caller});
    EXPECT_EQ(phase_of(s), phase::active);
    EXPECT_EQ(recording_seen(s), recording_view::on);
    EXPECT_EQ(pauses(), "rec");
}

TEST_F(call_joins, i_17_a_talk_that_two_copies_have_joined_pauses_as_a_whole) {
    ring(1);
    feed(leg_answered{device(1)});
    for (const auto* n : {"2", "1"}) {
        command_outcome o;
        o.what = verb::bridge;
        o.who = device(1);
        o.command_id = o.who.leg->text() + "-bridge-" + n;
        o.recording_id = std::string("rec-") + n;
        feed(o);
    }
    feed(leg_bridged{device(1)});
    feed(leg_bridged{k_caller});
    ASSERT_EQ(phase_of(s), phase::active);
    EXPECT_EQ(pauses(), "") << "whatever is recorded of the leg";
}

TEST_F(call_joins, i_21_the_bridge_of_another_leg_or_one_that_was_refused_is_not) {
    ring(2);
    feed(leg_answered{device(1)});
    command_outcome other;
    other.what = verb::bridge;
    other.who = device(2);
    other.command_id = other.who.leg->text() + "-bridge-2";
    feed(other);
    EXPECT_EQ(list(), "1:d1 none");
    EXPECT_FALSE(s.joins.back().accepted);
    other.who = device(1);
    other.command_id = other.who.leg->text() + "-bridge-2";
    other.result = outcome::refused;
    feed(other);
    EXPECT_EQ(list(), "1:d1 none");
    EXPECT_FALSE(s.joins.back().refused);
}

TEST_F(call_joins, i_21_what_is_done_because_nobody_talks_rests_on_the_carriers_word) {
    ring(1);
    auto& l = s.legs.front();
    command hangup;
    hangup.leg = l.id;
    hangup.call_control_id = l.call_control_id;
    hangup.body = hangup_body{};
    for (const auto why : {release_reason::ring_timeout, release_reason::bridge_failed}) {
        l.release = why;
        EXPECT_TRUE(rests_on_silence(s, hangup)) << name(why);
    }
    for (const auto why :
         {release_reason::caller_gone, release_reason::device_removed, release_reason::call_over}) {
        l.release = why;
        EXPECT_FALSE(rests_on_silence(s, hangup)) << name(why);
    }
    command message;
    message.call_control_id = s.caller.call_control_id;
    message.body = record_start_body{};
    EXPECT_TRUE(rests_on_silence(s, message)) << "its hang-up has not reached the carrier";
    l.hung_up = true;
    EXPECT_FALSE(rests_on_silence(s, message)) << "it is known what became of everybody";
    l.hung_up = false;
    l.dial = dial_status::failed;
    EXPECT_FALSE(rests_on_silence(s, message));
    l.expired = true;
    EXPECT_TRUE(rests_on_silence(s, message)) << "another node may have sent its dial";
    auto talk = message; // recorded again
    talk.leg = l.id;
    talk.call_control_id = l.call_control_id;
    EXPECT_FALSE(rests_on_silence(s, talk));
    EXPECT_FALSE(disturbs_a_talk(s, message) || disturbs_a_talk(s, hangup));
    l.bridged = s.caller.bridged = true;
    EXPECT_TRUE(disturbs_a_talk(s, message) && disturbs_a_talk(s, hangup));
    EXPECT_FALSE(disturbs_a_talk(s, talk));
    s.caller.ended = true;
    EXPECT_FALSE(disturbs_a_talk(s, message) || disturbs_a_talk(s, hangup));
}
