// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Voicemail: answer, greeting, message; and the same without a message, an announcement. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::voicemail {

extern const component k_component;

/// To a device of ours whose call is not carried out: said without an answer, as the carrier holds it, and
/// hung up on.
void say(state& s, effects& out, const std::string& text, time_point now);

/// The caller is answered and greeted, and the call ends: nobody is rung and nothing is recorded.
void announce(state& s, effects& out, time_point now);

} // namespace z360::call::voicemail
