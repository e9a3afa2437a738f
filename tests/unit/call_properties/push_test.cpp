// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What phones are told by push, whatever happens to the call and to the pushes.
#include "run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

leg_ref of(const leg& l) {
    return {"v3:" + l.id.text(), l.id};
}

event fate_of_push(const push_notice& p, const std::string& id) {
    push_outcome o;
    o.effect_id = id;
    o.what = p.what;
    o.device = p.device;
    o.ring = p.ring;
    o.result = *rc::gen::element(outcome::done, outcome::refused, outcome::expired, outcome::superseded);
    o.by = *rc::gen::element(push::provider::apns, push::provider::fcm);
    o.sent = o.result == outcome::done || (o.result == outcome::expired && *rc::gen::arbitrary<bool>());
    return o;
}

/// Anything that may come next: of a leg, the caller, a push, a device.
event any_event(const run& r) {
    const leg_ref caller{r.now.caller.call_control_id, std::nullopt};
    const auto& l = *rc::gen::elementOf(r.now.legs);
    const auto d = l.device();
    command_outcome reply;
    reply.what = *rc::gen::element(verb::dial, verb::bridge, verb::answer);
    reply.result = *rc::gen::element(outcome::done, outcome::done, outcome::refused, outcome::expired);
    reply.who = reply.what == verb::answer ? caller : of(l);
    reply.command_id = l.id.text();
    switch (*rc::gen::inRange(0, 12)) {
    case 0: return leg_initiated{of(l)};
    case 1: return leg_answered{of(l)};
    case 2: return leg_bridged{of(l)};
    case 3: return leg_bridged{caller};
    case 4: return leg_hangup{of(l), *rc::gen::element<std::string>("not_found", "user_busy", "timeout")};
    case 5: return leg_hangup{caller, "originator_cancel"};
    case 6: return push_received{d, *rc::gen::arbitrary<bool>()};
    case 7: return ring_withdrawn{{d}};
    case 8:
        return device_asks{
            request_kind::decline, std::to_string(*rc::gen::inRange(0, 99)), d, r.at + millis{999}
        };
    case 9: {
        device_asks e{request_kind::ring, std::to_string(*rc::gen::inRange(100, 199)), d, r.at + millis{999}};
        e.at.push_back(*l.goes_to());
        return e;
    }
    case 10:
        if (r.pushes.empty()) return tick{};
        {
            const auto& p = *rc::gen::elementOf(r.pushes);
            return fate_of_push(p.told(), p.what.id);
        }
    default: return reply;
    }
}

void check_pushes(const run& r) {
    std::set<std::string> ids;
    std::map<std::int64_t, int> ended, missed, rounds;
    for (const auto& p : r.pushes) {
        const bool first = ids.insert(p.what.id).second;
        RC_ASSERT(first); // one id, sent once (I7)
        const auto& t = p.told();
        RC_ASSERT(p.what.deadline >= p.at);
        switch (t.what) {
        case push::kind::incoming_call:
            ++rounds[t.device.value];
            RC_ASSERT(phase_of(p.left) == phase::ringing); // none for a call that is over (MOB-18)
            RC_ASSERT(p.what.deadline == p.left.rings.back().deadline);
            break;
        case push::kind::call_ended: {
            ++ended[t.device.value];
            RC_ASSERT(t.why != push::ended_reason::none);
            const auto* w = winner(p.left);
            const bool winners = w != nullptr && w->device() == t.device;
            RC_ASSERT(!winners); // BE-18
            break;
        }
        case push::kind::missed_call:
            ++missed[t.device.value];
            RC_ASSERT(!bridged_at(p.left).has_value());
            break;
        case push::kind::session_warning:
        case push::kind::push_token_required:
        case push::kind::business: RC_FAIL("no push of a call");
        }
    }
    for (const auto& [device, n] : ended)
        RC_ASSERT(n == 1);
    for (const auto& [device, n] : missed)
        RC_ASSERT(n == 1);
    for (const auto& [device, n] : rounds)
        RC_ASSERT(n <= 3);
}

/// At the end whoever may have been woken knows that it is over, or took part in it, or said no.
void check_nobody_rings_on(const run& r) {
    for (const auto& n : r.now.notices) {
        if (!n.sent || n.ended) continue;
        const bool knows = std::any_of(r.now.legs.begin(), r.now.legs.end(), [&](const leg& l) {
            return l.device() == n.device &&
                   (l.declined || l.hangup_cause == "user_busy" || is_winner(r.now, l.id));
        });
        RC_ASSERT(knows);
    }
}

} // namespace

TEST(call_properties, be_18_mob_18_whoever_was_woken_learns_the_end_once_and_nobody_else_does) {
    EXPECT_TRUE(holds("any events of calls and pushes", [] {
        run r(*rc::gen::inRange(1, 4), true);
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i)
            r.feed(any_event(r), millis{*rc::gen::inRange(0, 2'000)});
        r.feed(leg_hangup{{r.now.caller.call_control_id, std::nullopt}, "normal_clearing"}, millis{1});
        r.let_time_pass();
        check_pushes(r);
        check_nobody_rings_on(r);
    }));
}

TEST(call_properties, mob_07_what_apns_has_taken_is_never_told_again_in_that_ring) {
    EXPECT_TRUE(holds("any events, with pushes by APNs", [] {
        run r(*rc::gen::inRange(1, 4), true);
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i) {
            auto e = any_event(r);
            if (auto* o = std::get_if<push_outcome>(&e)) o->by = push::provider::apns;
            r.feed(e, millis{*rc::gen::inRange(0, 2'000)});
        }
        r.let_time_pass();
        std::set<std::pair<std::int64_t, std::uint32_t>> told;
        for (const auto& p : r.pushes) {
            const auto& t = p.told();
            if (t.what != push::kind::incoming_call) continue;
            const bool first = told.emplace(t.device.value, t.ring).second;
            RC_ASSERT(first);
        }
    }));
}

TEST(call_properties, mob_16_nobody_is_woken_again_in_the_last_seconds_of_a_ring) {
    EXPECT_TRUE(holds("any events, with pushes by FCM", [] {
        run r(*rc::gen::inRange(1, 4), true);
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i) {
            auto e = any_event(r);
            if (auto* o = std::get_if<push_outcome>(&e)) o->by = push::provider::fcm;
            r.feed(e, millis{*rc::gen::inRange(0, 3'000)});
        }
        r.let_time_pass();
        for (const auto& p : r.pushes) {
            const auto& t = p.told();
            if (t.what != push::kind::incoming_call || t.round == 1) continue;
            RC_ASSERT(p.at + millis{5'000} <= t.ring_until);
        }
    }));
}

TEST(call_properties, be_14_pushes_that_come_to_nothing_change_nothing_but_what_is_told_of_them) {
    EXPECT_TRUE(holds("a call with and without pushes", [] {
        const auto devices = *rc::gen::inRange(1, 4);
        run without(devices);
        run with(devices, true);
        for (std::size_t i = 0; i < with.pushes.size(); ++i) {
            push_outcome o;
            const auto t = with.pushes[i].told();
            o.effect_id = with.pushes[i].what.id;
            o.what = t.what;
            o.device = t.device;
            o.ring = t.ring;
            o.result = outcome::refused;
            with.feed(o, millis{0});
        }
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i) {
            auto e = any_event(without);
            // A phone that is ready can only be let in where it was told of the ring.
            if (auto* p = std::get_if<push_received>(&e)) p->ready = false;
            const millis later{*rc::gen::inRange(0, 2'000)};
            without.feed(e, later);
            with.feed(e, later);
        }
        auto plain = with.now;
        plain.notices.clear();
        plain.routed.rules.wake_by_push = false;
        RC_ASSERT(plain == without.now);
        RC_ASSERT(with.sent.size() == without.sent.size());
    }));
}
