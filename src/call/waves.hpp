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

} // namespace z360::call::waves
