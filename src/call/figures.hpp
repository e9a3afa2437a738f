// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has measured and charged. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::figures {

extern const component k_component;

} // namespace z360::call::figures
