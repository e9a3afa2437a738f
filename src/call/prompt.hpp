// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the caller hears from us: company while waiting, and the greeting. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::prompts {

extern const component k_component;

/// An estimate on the long side.
[[nodiscard]] millis spoken_length(const std::string& text);
/// Plays the sound over and over, until stop(). At most 20 prompts and sounds a call; beyond it is silent.
void play(state& s, effects& out, const std::string& url, time_point now);
/// Such a sound is on.
[[nodiscard]] bool plays(const state& s);
/// What plays stops; a spoken prompt ends by itself.
void stop(state& s, effects& out, time_point now);
/// Voicemail's greeting: its audio, or, where there is none or it was tried in vain, its words.
void greet(state& s, effects& out, time_point now);
/// The greeting was audio so far: its words can still be said.
[[nodiscard]] bool has_words_left(const state& s);

/// How the greeting goes.
enum class greeting : std::uint8_t {
    none,
    plays,
    over,
    left,   ///< over, because the caller hung up
    failed, ///< it will not be heard, or nobody knows
};
[[nodiscard]] greeting greeting_of(const state& s);
/// From then on the greeting's end counts as lost.
[[nodiscard]] std::optional<time_point> greeting_limit(const state& s);

} // namespace z360::call::prompts
