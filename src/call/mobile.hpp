// SPDX-License-Identifier: LicenseRef-z360-proprietary
// No device of the person takes the call: their mobile number is dialed as well, and whoever answers there
// has to press a key. A carrier's voicemail presses none, so it never gets the caller. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::mobile {

extern const component k_component;

/// Somebody has picked up at a number, and is being told which key to press.
bool is_asked(const state& s);

} // namespace z360::call::mobile
