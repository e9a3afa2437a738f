// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recording the talk: it begins with the bridge, is looked after while the talk goes on, and pauses when the
// device asks for that. I17: only by the rules that the call began with, and "paused" means that nothing is
// stored. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::recorder {

extern const component k_component;

/// How a pause or a resumption that the device asks for would be judged.
[[nodiscard]] refusal judge(const state& s, request_kind what, device_id device);
/// One that was judged, and granted.
void grant(state& s, request_kind what);

} // namespace z360::call::recorder
