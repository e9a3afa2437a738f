// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A talk without sound: the device that talks may end it, once media has had its time to come (B4). The
// device is not dialed again. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::media {

extern const component k_component;

/// How it would be judged that a device gives the talk up, but for its time.
[[nodiscard]] refusal judge(const state& s, device_id device);
/// The talk is so young that sound may still come.
[[nodiscard]] bool may_still_come(const state& s, time_point now);

} // namespace z360::call::media
