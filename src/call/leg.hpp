// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Legs: what the carrier tells of each, and the end of those that nobody keeps. D4: every leg that must not
// live is hung up, at once or the moment its control id is known. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::legs {

extern const component k_component;

/// The leg that the call begins with.
[[nodiscard]] leg caller_of(const incoming& what);
/// Finds the leg that we dialed, and learns its control id on the way (D3: whichever tells it first). Null:
/// there is none such, or it is a duplicate's. `dead`: it is told of by its end.
leg* met(state& s, const leg_ref& who, bool dead = false);
[[nodiscard]] bool is_caller(const state& s, const leg_ref& who);
/// Somebody of the current ring may still answer.
[[nodiscard]] bool any_may_answer(const state& s);
/// Why it may not live (any more), as things stand.
[[nodiscard]] release_reason why_released(const state& s, const leg& l);
/// Our dial of the leg ran out unsent, or without an answer, and yet the leg is there: whoever dialed it may
/// have joined it to the caller. It is asked about before it is hung up (I21).
[[nodiscard]] bool in_doubt(const state& s, const leg& l);
/// Legs whose dial of ours was given up, and nobody knows whether another node sent it: the carrier is asked,
/// once. True: its answer is still to come.
[[nodiscard]] bool ask_about_unsent(state& s, effects& out);
/// What the carrier told of such legs during the ring is no longer news.
void forget_answers(state& s);
/// Its person has seen the call there: they declined, or were on the phone.
[[nodiscard]] bool dismissed(const leg& l);
/// Another node may have joined it, whatever was asked before.
void doubt(leg& l);
/// The carrier has the leg joined after all: if it was to be hung up, that is taken back.
void spare(leg& l);

} // namespace z360::call::legs
