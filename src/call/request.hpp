// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What devices ask for: judged once, and the verdict is the fact. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::requests {

extern const component k_component;

} // namespace z360::call::requests
