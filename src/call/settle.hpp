// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The second half of a step: from facts to phase and commands. Private to src/call.
#pragma once

#include <z360/call/decide.hpp>

#include <string>
#include <vector>

namespace z360::call::settle {

using effects = std::vector<effect>;

/// Moves the call on until the facts call for nothing more, then hangs up every leg that must not live. Time
/// takes something away only with authority `newest` (I21).
void run(state& s, effects& out, time_point now, authority may);

void end(state& s, effects& out, end_reason why, time_point now);
void start_recording(state& s, effects& out, time_point now);

/// Our dial of the leg ran out unsent, or without an answer, and yet the leg is there: whoever dialed it may
/// have joined it to the caller. It is asked about before it is hung up (I21).
[[nodiscard]] bool in_doubt(const state& s, const device_leg& leg);

/// Deterministic: the claim's epoch and the winner name the bridge.
[[nodiscard]] std::string bridge_command_id(const state& s);

/// Id of the prompt, greeting or recording that the call is waiting for; empty: none.
[[nodiscard]] std::string prompt_command_id(const state& s);

constexpr millis k_refused_grace{1'000}; ///< after "refused": how long a fact about another winner may take

[[nodiscard]] command hangup_command(
    std::string id, std::string control_id, std::optional<leg_id> leg, release_reason why, time_point now
);

// ---- winner.cpp

/// Null: nobody is claimed.
[[nodiscard]] device_leg* winner(state& s);
/// Who is claimed next: answered first, still there, and no dropped winner may live. Null: nobody yet.
[[nodiscard]] device_leg* next_answerer(state& s);
/// The carrier reports another leg joined than the one claimed: that one is the winner. false: nothing such.
bool adopt_fact(state& s, effects& out);
void join_by_fact(state& s, time_point now);
/// The winner and the caller talk.
void confirm(state& s, effects& out, time_point now);
/// Nothing proves the bridge, nothing disproves it: asks, and says when to ask again.
void ask_carrier(state& s, effects& out, time_point now);
/// The recorded winner is proven not to be joined: it leaves the race and is hung up; the ring resumes and
/// settle decides what comes next.
void drop_winner(state& s, effects& out, const char* why, time_point now);

/// The carrier was asked and has no more on record than the state knows, and nothing of ours can change that.
void heed_record(state& s, effects& out, time_point now);

// ---- release.cpp

/// Hangs up every leg that must not live, at once or the moment its control id is known, and the caller of an
/// ended call.
void sweep(state& s, effects& out, time_point now, authority may);

void add_note(effects& out, std::string what, std::string detail = {});
/// A command on the caller's leg that may be tried for `allowed`.
[[nodiscard]] command
caller_command(const state& s, std::string id, time_point now, millis allowed, command_body body);
/// `<call>-<what>[-<n>]`.
[[nodiscard]] std::string caller_id(const state& s, const char* what, std::uint32_t n = 0);

} // namespace z360::call::settle
