// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call that a device of ours places: the carrier is to dial for it, until whom it calls has answered or is
// known not to. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::outbound {

extern const component k_component;

/// The call begins: it is carried out, or the person is told why not.
void begin(state& s, effects& out, time_point now);
/// How it ends if it ends now, by the facts alone.
[[nodiscard]] end_reason reason_of(const state& s);

} // namespace z360::call::outbound
