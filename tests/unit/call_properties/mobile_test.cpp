// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A person's mobile number beside their devices, whatever happens to the call.
#include "run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

constexpr const char* k_mobile = "+15550107777";

leg_ref of(const leg& l) {
    return {"v3:" + l.id.text(), l.id};
}

event any_event(const run& r) {
    const leg_ref caller{r.now.caller.call_control_id, std::nullopt};
    if (r.now.legs.empty()) return tick{};
    const auto& l = *rc::gen::elementOf(r.now.legs);
    command_outcome reply;
    reply.what = *rc::gen::element(verb::dial, verb::bridge, verb::answer, verb::gather_using_speak);
    reply.result = *rc::gen::element(outcome::done, outcome::done, outcome::refused, outcome::expired);
    reply.who = reply.what == verb::answer ? caller : of(l);
    reply.command_id = l.id.text();
    if (reply.what == verb::gather_using_speak) reply.command_id += "-confirm";
    switch (*rc::gen::inRange(0, 9)) {
    case 0: return leg_initiated{of(l)};
    case 1: return leg_answered{of(l)};
    case 2: return leg_hangup{of(l), *rc::gen::element<std::string>("not_found", "user_busy", "timeout")};
    case 3:
    case 4: return digits_gathered{of(l), *rc::gen::element<std::string>("1", "", "2", "11")};
    case 5: return push_received{l.device(), false};
    case 6: return tick{};
    case 7:
        // The carrier joins whom we have claimed, and nobody else.
        if (const auto* w = winner(r.now)) return leg_bridged{of(*w)};
        return tick{};
    default: return reply;
    }
}

bool is_number(const leg& l) {
    return l.role == leg_role::peer;
}

void check_number(const run& r) {
    const auto dials = std::count_if(r.sent.begin(), r.sent.end(), [](const command& c) {
        const auto* d = std::get_if<dial_body>(&c.body);
        return d != nullptr && !d->number.empty();
    });
    RC_ASSERT(dials <= 1); // once a ring
    const auto asked = std::count_if(r.sent.begin(), r.sent.end(), [](const command& c) {
        return c.what() == verb::gather_using_speak;
    });
    RC_ASSERT(asked <= dials);
    for (const auto& j : r.now.joins) {
        const auto* l = r.now.find(j.b);
        RC_ASSERT(l != nullptr);
        const bool taken = !is_number(*l) || l->confirmed; // a voicemail never wins
        RC_ASSERT(taken);
    }
}

} // namespace

TEST(call_properties, be_46_i_01_a_number_is_joined_by_a_key_alone_and_rung_once) {
    EXPECT_TRUE(holds("any events of a call that may ring a number", [] {
        run r(*rc::gen::inRange(0, 4), *rc::gen::arbitrary<bool>(), k_mobile);
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i)
            r.feed(any_event(r), millis{*rc::gen::inRange(0, 4'000)});
        r.feed(leg_hangup{{r.now.caller.call_control_id, std::nullopt}, "normal_clearing"}, millis{1});
        r.let_time_pass();
        check_number(r);
        check_end(r);
    }));
}

// The answer, the key and the prompt's outcome of one number, in every order and twice: the same leg.
TEST(call_properties, i_10_what_is_told_of_a_number_adds_up_in_any_order) {
    EXPECT_TRUE(holds("a key, told in any order", [] {
        const bool takes = *rc::gen::arbitrary<bool>();
        const auto keys = takes ? std::string("1") : std::string();
        const auto told = [&keys](const leg_ref& who) {
            command_outcome played;
            played.what = verb::gather_using_speak;
            played.command_id = who.leg->text() + "-confirm";
            played.who = who;
            return std::vector<event>{
                leg_initiated{who}, leg_answered{who}, digits_gathered{who, keys}, played
            };
        };
        const auto leg_after = [&](bool in_order) {
            run r(0, false, k_mobile);
            const auto who = of(r.now.legs.front());
            auto all = told(who);
            if (in_order)
                for (const auto& e : all)
                    r.feed(e, millis{1});
            else
                deliver(r, shuffled(all));
            auto l = r.now.legs.front();
            l.prompted = false; // decided, not told
            l.hangup_sent = false;
            l.release = release_reason::none;
            return l;
        };
        const auto straight = leg_after(true);
        RC_ASSERT(straight.confirmed == takes);
        RC_ASSERT(leg_after(false) == straight);
    }));
}
