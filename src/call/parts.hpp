// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a call is made of, in the order in which its parts settle. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call {

/// Of every call. In a file of its own (parts.cpp): a test may be linked with another list.
[[nodiscard]] part_list parts();

/// Some part keeps it: a leg that nobody keeps is hung up.
[[nodiscard]] bool kept(part_list of, const state& s, const leg& l, authority may);

// ---- the functions of decide.hpp, for a call that is made of these

[[nodiscard]] decision begin(part_list of, const incoming& what, time_point now);
[[nodiscard]] decision
decide(part_list of, const state& call, const event& what, time_point now, authority may);
[[nodiscard]] std::optional<time_point> deadline(part_list of, const state& call);
[[nodiscard]] bool wanted(part_list of, const state& call, const effect& e);

} // namespace z360::call
