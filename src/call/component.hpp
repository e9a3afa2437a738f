// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a part of a call is made of. A call is the sum of its components; decide.cpp lists them. Private to
// src/call.
#pragma once

#include <z360/call/decide.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace z360::call {

using effects = std::vector<output>;

struct component;
using part_list = std::span<const component* const>;

struct circumstances {
    part_list parts; ///< what the call is made of
    time_point now{};
    authority may = authority::newest; ///< time takes something away only with `newest` (I21)
};

/// Any function may be missing: then the component has nothing to say.
struct component {
    /// Writes down what the event proves. Facts only accumulate, so any order and any repetition of events
    /// adds up to the same facts: it emits nothing, changes no rule of the call, and for what the carrier
    /// tells does not look where the call stands.
    void (*absorb)(state& s, const event& what, time_point now) = nullptr;
    /// The timeline's words for what the event added.
    void (*narrate)(const state& before, const event& what, const state& after, effects& out) = nullptr;
    /// Looks at the facts and does what they call for; true: something moved, everybody looks again.
    bool (*settle)(state& s, effects& out, const circumstances& c) = nullptr;
    /// When it must be looked at again though nothing happens.
    std::optional<time_point> (*deadline)(const state& s) = nullptr;
    /// The leg may live for its sake.
    bool (*keeps)(const state& s, const leg& leg, authority may) = nullptr;
    /// The effect still makes sense for its sake.
    bool (*wants)(const state& s, const effect& e) = nullptr;
    /// Name of a rule of its own that the state breaks; null: none.
    const char* (*broken)(const state& s) = nullptr;
};

// ---- what all of them issue with

void add_note(effects& out, remark what, std::string detail = {});
/// What the carrier is to do; null: the effect is another channel's.
[[nodiscard]] const carrier_command* carried(const effect& e);
/// A command on the caller's leg that may be tried for `allowed`.
[[nodiscard]] command
caller_command(const state& s, std::string id, time_point now, millis allowed, command_body body);
/// `<call>-<what>[-<n>]`.
[[nodiscard]] std::string caller_id(const state& s, const char* what, std::uint32_t n = 0);
/// `code=… title="…"`, for the timeline.
[[nodiscard]] std::string error_of(const command_outcome& e);
/// Asked again by every winner and by voicemail while the caller is not answered: an answer that was lost
/// once must not cost the call. Each asking has an id of its own; answering twice does no harm.
void request_answer(const state& s, effects& out, const char* what, std::uint32_t n, time_point now);

} // namespace z360::call
