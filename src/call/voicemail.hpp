// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Voicemail: answer, greeting, message. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::voicemail {

extern const component k_component;

} // namespace z360::call::voicemail
