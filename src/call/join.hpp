// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who has the caller: the claim, the facts that confirm or correct it, and the proof that ends it. I21: a
// talk that nobody ended is never ended or displaced by us. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::joins {

extern const component k_component;

/// Of its bridge command. Deterministic: the claim's epoch and the winner name it.
[[nodiscard]] std::string bridge_id(const join& j);
/// The leg becomes the winner: its bridge follows as soon as the caller is answered.
void claim(state& s, effects& out, const leg& l, time_point now);
/// The carrier joins the leg to the caller by itself: until `limit` its word of that is waited for.
void expect(state& s, const leg& l, time_point limit);
/// The call is over, and so is its talk, or what would have become one.
void end(state& s, time_point now);

} // namespace z360::call::joins
