// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The turns of a ring plan: who begins to ring when, and who stops while others ring on. All legs of a plan
// are there from the beginning of the ring, so that whatever another copy of the call does with one of them
// is known of a leg. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::waves {

extern const component k_component;

/// The current ring gets a leg to everybody of the plan; nobody is dialed yet.
void prepare(state& s);

/// Whether a device of this person that has no leg yet may be rung now: in their turn, if the plan names
/// them.
[[nodiscard]] refusal judge_new(const state& s, user_id who, time_point now);
/// Their turn has come, or no plan says when it comes.
[[nodiscard]] bool has_begun(const state& s, user_id who);
/// The leg of such a device has the turn of its person.
void give_turn(const state& s, leg& l, time_point now);

} // namespace z360::call::waves
