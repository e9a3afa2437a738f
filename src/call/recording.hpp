// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has recorded. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::recordings {

extern const component k_component;

} // namespace z360::call::recordings
