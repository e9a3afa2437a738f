// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The heart: two plain functions. No I/O, no clock, no randomness, no logging, no exceptions but bad_alloc.
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>

#include <optional>
#include <vector>

namespace z360::call {

struct decision {
    state next;
    std::vector<output> effects; ///< with notes and questions, in the order in which they should start
};

/// Begins a call: the caller's leg is parked at Telnyx, nothing rings yet.
[[nodiscard]] decision begin(const incoming& what, time_point now);

/// What the passing of time may do (I21).
enum class authority : std::uint8_t {
    newest,   ///< this copy is known to be the newest: deadlines decide
    unproven, ///< it may be old: what deadlines would take away (a leg, a winner, the ring) is left as it is;
              ///< facts decide as always, and time may still add
};

/// One step. Total: every phase accepts every event; late, duplicate and foreign events change nothing.
/// A terminal state is never left; it still hangs up legs that turn up late (BE-16).
[[nodiscard]] decision
decide(const state& call, const event& what, time_point now, authority may = authority::newest);

/// When the call must be looked at again even if nothing happens; nullopt: never. Feeding `tick` at or after
/// this time moves the call on (and the deadline with it).
[[nodiscard]] std::optional<time_point> deadline(const state& call);

/// Whether the effect still makes sense: asked before every attempt to carry it out. Nothing is dialed for a
/// call that is over (MOB-18); a hang-up is always wanted while its leg may live.
[[nodiscard]] bool wanted(const state& call, const effect& e);

/// The same for one that waits for another (effect::after), asked when its turn comes: whether it makes sense
/// with `end`, the outcome of that other, decided about at `now`. Nothing of that decision is kept.
[[nodiscard]] bool
wanted_after(const state& call, const effect& e, const effect_outcome& end, time_point now);

/// It lets somebody go, or records their message, because nobody talks to them as far as is known. The
/// carrier's word for that must be of this moment when it is sent: another node may have joined them in its
/// memory (I17, I21).
[[nodiscard]] bool rests_on_silence(const state& call, const effect& e);
/// It would end a talk, or record it as a message, by what the carrier has reported.
[[nodiscard]] bool disturbs_a_talk(const state& call, const effect& e);

/// Returns the violated rule's name, or nullptr. Checked after every decision, in release builds too.
[[nodiscard]] const char* broken_invariant(const state& call);

} // namespace z360::call
