// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The ring: whom it dials, who answered first, and its end. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::ring {

extern const component k_component;

/// Dials every target once.
void begin(state& s, effects& out, time_point now);
/// It goes on without a winner who could not be joined, if there is time.
void resume(state& s, time_point now);

} // namespace z360::call::ring
