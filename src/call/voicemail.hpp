// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Voicemail: answer, greeting, message. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::voicemail {

extern const component k_component;

/// Nobody will answer: every leg goes, the caller is answered and greeted.
void begin(state& s, effects& out, const char* why, time_point now);

} // namespace z360::call::voicemail
