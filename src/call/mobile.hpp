// SPDX-License-Identifier: LicenseRef-z360-proprietary
// No device of the person takes the call: their mobile number is dialed as well, and whoever answers there
// has to press a key. A carrier's voicemail presses none, so it never gets the caller. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::mobile {

extern const component k_component;

} // namespace z360::call::mobile
