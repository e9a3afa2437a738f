// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The ring: whom it dials, who answered first, and its end. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::ring {

extern const component k_component;

/// Dials every target once.
void begin(state& s, effects& out, time_point now);
/// It rings, and a dial that is issued now can still be sent.
[[nodiscard]] bool may_dial(const state& s, time_point now);
/// A leg for each of the device's targets; they are dialed when the ring settles.
void let_in(state& s, const std::vector<target>& at, device_id device);
/// It goes on without a winner who could not be joined, if there is time.
void resume(state& s, time_point now);

} // namespace z360::call::ring
