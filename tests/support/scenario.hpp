// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Runs `.call` scripts: what happens to a call on the left margin, what the core makes of it indented below.
//
//   devices 3                      header: how many devices ring (d1 … dN)
//   rule ring_time_ms 30000        header: any field of call::policy that is a number
//   0 incoming                     <ms> <event> [who] [words …]
//     -> dial d1 deadline=29000    effects, one a line, times in ms since the call began
//     .. call_began devices=3      timeline notes
//     ?? ask round=1               the carrier is asked what it knows of the call
//     == ringing next=30000        state after the step: phase, device states, next deadline
//
// who: caller, d1 … dN, a (the organisation's agent), m (the mobile number: `rule mobile +15550107777`),
// stranger (a leg nobody knows) or elsewhere (the leg to the mobile number, that another copy of the call has
// dialed). Events: incoming, initiated, answered, bridged, hangup <cause>, hold, unhold, prompt_ended
// [left|failed|played] [mark=prompt-1], pressed m <keys|nothing>, recording_saved, recording_failed <why>
// [at=900], pauses / resumes <device> (the recording), gives_up_media <device>,
// tick,
// told [failed] [round=N] (the carrier's answer, to the newest question unless said otherwise), withdrawn
// <devices>, talks_elsewhere <devices>, declines / says_answered / asks_to_be_rung <device> [id=a]
// [until=9000] [places=N] (identities that may be dialed; 0: the device may not be rung), and outcome <verb>
// <who> <done|peer_gone|refused|expired|superseded> [code] [turn=N: of a pause or its end that another copy
// has sent]. `incoming waited=9000`: the caller reached us 9 s ago. Suffix `blind` on a device event drops
// the client_state, so that only the control id names the leg. Suffix `unproven` on any event but the first
// `incoming`: decided on a copy that may be old. A hang-up that is taken back (`wanted` denies it although
// its leg lives): `!! unwanted hangup d1`.
#pragma once

#include <z360/call/decide.hpp>

#include <set>
#include <string>
#include <utility>

namespace z360::testing {

/// (phase before, event) pairs that a run went through.
using coverage = std::set<std::pair<call::phase, std::string>>;

struct scenario_result {
    std::string text;  ///< the script with the actual effects; equal to the input when the test passes
    std::string error; ///< unreadable script or broken invariant; empty: none
    coverage covered;
};

[[nodiscard]] scenario_result run_scenario(const std::string& script);

/// A routed call with `devices` devices, as the directory would give it.
[[nodiscard]] call::incoming sample_incoming(int devices);
/// Control id of device `n` (1-based) in scripts and tests.
[[nodiscard]] std::string control_id(int n);

} // namespace z360::testing
