// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A part of a call that only tests have: nobody answered, so somebody else is rung. It is a further ring and
// nothing else; voicemail, which comes after it in the list, never hears of the first one.
#pragma once

#include "call/component.hpp"

namespace z360::call::forward {

extern const component k_component;

} // namespace z360::call::forward
