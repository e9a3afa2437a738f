// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The stored form of a call and of an effect: JSON that two versions of the server can read at once.
#pragma once

#include <z360/call/effect.hpp>
#include <z360/call/state.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// Rises only when an older binary must not touch what a newer one wrote. New fields do not need it.
/// 2: facts of prompts and recordings, hold marks with their legs, no phase. 3: joins are a list, the
/// caller is a leg, legs have roles and endpoints. 4: rings are a list, and legs say which one dials them.
/// 5: phones are told by push. 6: the person's mobile number may be dialed. 7: a blocked caller's. 8: whom
/// nobody answers may leave no message. 9: recording is mandatory, announced, or was asked to pause; or a
/// plan says who rings when. 10: an agent is rung, a caller without a number turned away, or a device asked
/// to end a talk without sound. 11: a device of ours places it.
inline constexpr int k_state_version = 11;
/// A call has the form of the newest thing that it may do, so that programs of the version before go on with
/// all others; the carrier's effects are plain.
inline constexpr int k_plain_form = 4;
inline constexpr int k_push_form = 5;
inline constexpr int k_mobile_form = 6;
inline constexpr int k_blocked_form = 7;
inline constexpr int k_no_message_form = 8;
inline constexpr int k_recording_form = 9;
inline constexpr int k_plan_form = 9;
inline constexpr int k_agent_form = 10;
inline constexpr int k_anonymous_form = 10;
inline constexpr int k_media_form = 10;
inline constexpr int k_busy_form = 10;
inline constexpr int k_placed_form = 11;
[[nodiscard]] int form_of(const call::state& s);

/// Valid UTF-8 without NUL, whatever the strings inside hold: Postgres refuses both in jsonb.
[[nodiscard]] std::string encode(const call::state& s);
/// Unknown fields are ignored, missing ones keep their defaults. nullopt: no JSON, a newer k_state_version, a
/// field of the wrong type, or a word of an enumeration that this binary does not know (it must not guess).
[[nodiscard]] std::optional<call::state> decode_state(std::string_view text);

/// The form of rows of the outbox that are not the carrier's: programs from before channels leave alone what
/// is above their own form, and would take these rows for commands.
inline constexpr int k_other_channels_form = 1'000;
/// That of an effect that waits for nothing.
[[nodiscard]] int form_of(const call::effect& e);
/// The dial of an agent that it is. Null: it is none.
[[nodiscard]] const call::dial_body* dial_of_agent(const call::effect& e);
/// Added to the form of a row whose effect waits for another: programs from before chains leave it alone.
inline constexpr int k_waiting_form = 1'000'000;

/// As above. A carrier's command has the form that it had before there were channels.
[[nodiscard]] std::string encode_effect(const call::effect& e);
[[nodiscard]] std::optional<call::effect> decode_effect(std::string_view text);
[[nodiscard]] std::string encode_command(const call::command& c);
[[nodiscard]] std::optional<call::command> decode_command(std::string_view text);

} // namespace z360::wire
