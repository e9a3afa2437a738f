// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The talk and the end of the call, whatever ends it. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call {

namespace talk {
extern const component k_component;
} // namespace talk

/// The leg that talks to the caller, on hold or not. Null: nobody does.
[[nodiscard]] const leg* talking(const state& s);

/// The device has one end of the talk.
[[nodiscard]] bool talks_by(const state& s, device_id device);

void end(state& s, effects& out, end_reason why, time_point now);

} // namespace z360::call
