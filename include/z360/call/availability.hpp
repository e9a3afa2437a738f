// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a person, and each of their devices, is free for a call (STATE-02). Pure: what they do at that
// moment is looked up by the directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace z360::call {

/// What rings of a person who is in a talk already, of whatever organisation.
enum class second_call : std::uint8_t {
    ring,   ///< everything, the device of the talk as well (call waiting)
    others, ///< the devices that have no part in the talk
    none,   ///< nothing: the person is busy
};
[[nodiscard]] std::string_view name(second_call p);
/// nullopt: no such policy.
[[nodiscard]] std::optional<second_call> second_call_named(std::string_view word);

/// Why a device that could ring is left out of a call.
enum class kept_out : std::uint8_t {
    none,
    do_not_disturb, ///< its person, or whoever has it in hand, wants to be left alone
    busy,           ///< by the policy for second calls
};
[[nodiscard]] std::string_view name(kept_out w);

/// What a person does at the moment of the call.
struct occupation {
    bool do_not_disturb = false;
    bool talks = false; ///< on a device of theirs, or at their mobile number
    second_call policy = second_call::others;
};

/// Of one device of that person.
[[nodiscard]] kept_out keeps_out(const occupation& person, bool device_do_not_disturb, bool device_talks);
/// Of their mobile number, which is for whom no device reaches: whoever talks has been reached.
[[nodiscard]] kept_out keeps_out_mobile(const occupation& person);

} // namespace z360::call
