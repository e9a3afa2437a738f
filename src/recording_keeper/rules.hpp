// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is to be done with a recording. Pure.
#pragma once

#include <z360/port/recordings.hpp>
#include <z360/push/message.hpp>

#include <string>

namespace z360::recording_keeper {

/// A message shorter than this is none: the caller has left at the tone.
inline constexpr millis k_shortest_message{1'000};

enum class action : std::uint8_t {
    fetch,           ///< copy it into the vault
    remove_original, ///< the carrier's: ours is kept
    remove,          ///< ours and the carrier's
    discard,         ///< an empty message: it is to be removed, and nobody hears of it
    rest,            ///< nothing, until something changes
};
struct circumstances {
    bool has_vault = false;
    bool remove_originals = false;
};
[[nodiscard]] action next_action(const port::due_recording& r, const circumstances& c);
/// Its person is to hear of it, now.
[[nodiscard]] bool worth_telling(const port::due_recording& r, action what);
/// What they read.
[[nodiscard]] push::text telling(const port::due_recording& r);

/// 64 hex digits, as orders have them; the same each time.
[[nodiscard]] std::string order_fingerprint(const uuid& recording);

/// The carrier offers the address that it has told for ten minutes.
[[nodiscard]] bool address_is_fresh(const port::due_recording& r);
/// After so many failures in a row.
[[nodiscard]] millis pause_after(std::uint32_t failures);
/// The carrier has said so often, over such a time, that it has none: whether that is believed.
[[nodiscard]] bool is_lost(std::uint32_t times, millis over);
/// Where the copy of this claim goes: `<organisation>/<month>/<call>/<recording>-<claim>.<format>`.
[[nodiscard]] std::string key_of(const port::due_recording& r, const std::string& format);

} // namespace z360::recording_keeper
