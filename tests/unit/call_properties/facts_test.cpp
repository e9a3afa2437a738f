// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier tells is written down alike, whatever comes first.
#include "run.hpp"

#include <gtest/gtest.h>

using namespace z360;
using namespace z360::call;
using namespace z360::testing;

namespace {

/// Anything that a carrier can tell of these legs, sensible or not: only each leg has one id and one cause.
event anything(const state& begun) {
    const leg_ref caller{begun.caller.call_control_id, std::nullopt};
    const auto n = *rc::gen::inRange(0, static_cast<int>(begun.legs.size()) + 1);
    leg_ref who = caller;
    if (n > 0) {
        const auto& l = begun.legs[static_cast<std::size_t>(n - 1)];
        who = {control_id(static_cast<int>(l.device().value)), l.id};
    }
    const auto at = k_begin + std::chrono::seconds{*rc::gen::inRange(1, 9)};
    const auto number = std::to_string(*rc::gen::inRange(1, 4));
    switch (*rc::gen::inRange(0, 7)) {
    case 0: return leg_initiated{who};
    case 1: return leg_answered{who};
    case 2: return leg_bridged{who};
    case 3: return leg_hangup{who, "cause of " + who.call_control_id};
    case 4: // two holds of one leg at one moment would contradict each other
        return leg_hold{who, at.time_since_epoch().count() % 2'000 == 0, at};
    case 5: {
        const bool spoken = *rc::gen::arbitrary<bool>();
        const auto serial = std::to_string((at - k_begin).count() / 3'000);
        return prompt_ended{caller, false, spoken, at, begun.id.text() + "-prompt-" + serial};
    }
    default: {
        const auto id = "rec-" + number + "-" + who.call_control_id; // of one leg each
        return recording_saved{who, id, "https://example.test/" + id};
    }
    }
}

} // namespace

// Whatever the carrier tells is written down alike in every order and however often, wherever the call
// stands: several answers, holds of several legs, prompts, recordings.
TEST(call_properties, i_10_facts_are_facts_in_any_order) {
    EXPECT_TRUE(holds("any events of several legs", [] {
        const int n = *rc::gen::inRange(1, 5);
        run straight(n);
        run mixed(n);
        std::vector<event> events;
        const auto many = *rc::gen::inRange(1, 40);
        for (int i = 0; i < many; ++i)
            events.push_back(anything(straight.now));
        for (const auto& e : events)
            straight.feed(e, millis{1});
        deliver(mixed, shuffled(events));
        RC_ASSERT(facts(mixed.now) == facts(straight.now));
        for (const auto* r : {&straight, &mixed}) {
            check_ids(*r);
            check_end(*r);
        }
    }));
}
