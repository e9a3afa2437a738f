// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Voicemail: answer, greeting, message; and the same without a message, an announcement. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::voicemail {

extern const component k_component;

/// The caller is answered and greeted, and the call ends: nobody is rung and nothing is recorded.
void announce(state& s, effects& out, time_point now);

} // namespace z360::call::voicemail
