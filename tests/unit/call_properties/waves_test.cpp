// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A ring plan, whatever happens to the call: nobody is rung twice, out of turn, or beyond it.
#include "run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

constexpr const char* k_number = "+15550108888";

leg_ref of(const leg& l) {
    return {"v3:" + l.id.text(), l.id};
}

// One to four people with a device each, in waves of any shape; perhaps a number among them.
incoming planned() {
    const auto devices = *rc::gen::inRange(1, 5);
    auto caller = sample_incoming(devices);
    auto& r = caller.routed;
    r.user = {};
    r.rules.wake_by_push = *rc::gen::arbitrary<bool>();
    for (auto& t : r.targets) {
        t.user = user_id{1'000 + t.device.value};
        branch b;
        b.user = t.user;
        b.after = millis{*rc::gen::element(0, 0, 2'000)};
        b.lasts = millis{*rc::gen::element(0, 5'000, 10'000)};
        if (r.plan.empty() || *rc::gen::arbitrary<bool>())
            r.plan.push_back({millis{*rc::gen::inRange(3'000, 12'000)}, {}});
        r.plan.back().branches.push_back(b);
    }
    if (*rc::gen::arbitrary<bool>()) {
        branch b;
        b.number = k_number;
        b.asked = *rc::gen::arbitrary<bool>();
        r.plan.push_back({millis{10'000}, {b}});
    }
    r.rules.ring_time = length_of(r.plan);
    return caller;
}

// Of what the carrier knows of, and of what has not been dialed here: another copy may have done that.
event any_event(const run& r) {
    const leg_ref caller{r.now.caller.call_control_id, std::nullopt};
    if (r.now.legs.empty()) return tick{};
    const auto& l = *rc::gen::elementOf(r.now.legs);
    command_outcome reply;
    reply.what = *rc::gen::element(verb::dial, verb::bridge, verb::answer);
    reply.result = *rc::gen::element(outcome::done, outcome::done, outcome::refused, outcome::expired);
    reply.who = reply.what == verb::answer ? caller : of(l);
    reply.command_id = l.id.text();
    switch (*rc::gen::inRange(0, 10)) {
    case 0: return leg_initiated{of(l)};
    case 1: return leg_answered{of(l)};
    case 2: return leg_hangup{of(l), *rc::gen::element<std::string>("not_found", "user_busy", "timeout")};
    case 3: return digits_gathered{of(l), *rc::gen::element<std::string>("1", "")};
    case 4: return push_received{l.device(), *rc::gen::arbitrary<bool>()};
    case 5: return ring_withdrawn{{l.device()}};
    case 6:
        if (const auto* w = winner(r.now)) return leg_bridged{of(*w)};
        return tick{};
    case 7: return reply;
    default: return tick{};
    }
}

void check_turns(const run& r) {
    std::map<std::string, int> dials;
    std::set<std::string> stopped;
    for (const auto& c : r.sent)
        if (c.what() == verb::dial) ++dials[c.id];
    for (const auto& [id, n] : dials)
        RC_ASSERT(n == 1); // each leg once
    for (const auto& l : r.now.legs) {
        if (l.awaits_turn()) RC_ASSERT(dials[l.id.text()] == 0 && l.call_control_id.empty());
        if (l.wave == 0 || !l.until || dials[l.id.text()] == 0 || l.late != 0) continue;
        RC_ASSERT(l.due.has_value());
        RC_ASSERT(*l.due >= r.now.rings.front().began);
    }
    for (const auto& p : r.pushes) { // who is told that it rings, rings
        if (p.told().what != push::kind::incoming_call) continue;
        const auto is = [&p](const leg& l) { return l.device() == p.told().device && !l.awaits_turn(); };
        RC_ASSERT(std::any_of(p.left.legs.begin(), p.left.legs.end(), is));
        RC_ASSERT(p.told().user == user_id{1'000 + p.told().device.value});
    }
    int talks = 0;
    for (const auto& j : r.now.joins) {
        if (j.joined_at && j.counts()) ++talks;
        const auto* l = r.now.find(j.b);
        RC_ASSERT(l != nullptr);
        const bool taken =
            l->role == leg_role::device || l->confirmed || l->bridged; // no voicemail by its answer
        RC_ASSERT(taken);
    }
    RC_ASSERT(talks <= 1); // I1
}

} // namespace

TEST(call_properties, i_01_a_plan_rings_each_once_in_their_turn_and_joins_one) {
    EXPECT_TRUE(holds("any events of a call with a plan", [] {
        run r(planned());
        const auto many = *rc::gen::inRange(1, 60);
        for (int i = 0; i < many; ++i)
            r.feed(
                any_event(r), millis{*rc::gen::inRange(0, 3'000)},
                *rc::gen::element(authority::newest, authority::newest, authority::unproven)
            );
        check_turns(r);
        r.feed(leg_hangup{{r.now.caller.call_control_id, std::nullopt}, "normal_clearing"}, millis{1});
        r.let_time_pass();
        check_turns(r);
        check_end(r);
    }));
}

TEST(call_properties, i_09_a_plan_that_nobody_answers_ends_in_its_time_with_voicemail) {
    EXPECT_TRUE(holds("a call with a plan that nobody answers", [] {
        run r(planned());
        const auto longest = r.now.routed.rules.ring_time;
        for (const auto& l : std::vector<leg>(r.now.legs))
            if (*rc::gen::arbitrary<bool>()) r.feed(leg_hangup{of(l), "not_found"}, millis{10});
        while (phase_of(r.now) == phase::ringing) {
            const auto next = deadline(r.now);
            RC_ASSERT(next.has_value());
            const auto asked = r.now.asked;
            r.feed(tick{}, std::max(*next - r.at, millis{0}));
            if (r.now.asked > asked) r.feed(carrier_told{r.now.asked, true}, millis{10});
            RC_ASSERT(r.at - k_begin <= longest + millis{2'000});
        }
        RC_ASSERT(phase_of(r.now) == phase::voicemail);
        for (const auto& l : r.now.legs)
            RC_ASSERT(l.awaits_turn() || l.ended || l.release != release_reason::none);
    }));
}
