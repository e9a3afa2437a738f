// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a call is made of, in the order in which its parts settle. Private to src/call.
#pragma once

#include "call/component.hpp"

#include <span>

namespace z360::call {

[[nodiscard]] std::span<const component* const> parts();

/// Some part keeps it: a leg that nobody keeps is hung up.
[[nodiscard]] bool kept(const state& s, const leg& l, authority may);

} // namespace z360::call
