// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who has the caller: the claim, the facts that confirm or correct it, and the proof that ends it. I21: a
// talk that nobody ended is never ended or displaced by us. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::join {

extern const component k_component;

/// Null: nobody is claimed.
[[nodiscard]] const device_leg* winner(const state& s);
[[nodiscard]] device_leg* winner(state& s);
/// The leg becomes the winner: its bridge follows as soon as the caller is answered.
void claim(state& s, effects& out, device_leg& l, time_point now);
/// Nobody is joined and nobody will be: voicemail begins.
void give_up(state& s);

} // namespace z360::call::join
