// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What people read and know somebody or something by: names of organisations, people, devices, numbers,
// contacts and tokens, and the addresses by which people are known. One rule for the API, the command line
// and imports.
#pragma once

#include <z360/base/printable.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace z360 {

/// Longest name, and longest label of a number or a token, in characters.
inline constexpr std::size_t k_longest_name = 255;
inline constexpr std::size_t k_longest_label = 100;

enum class name_fault : std::uint8_t {
    none,
    blank,       ///< nothing that can be seen: white space of any kind, signs without width
    unprintable, ///< control characters, marks that turn the direction of writing, bytes that are no UTF-8
    too_long,
};

/// What stands in the way of a name; an empty one is none's fault. `kept`: line breaks and tabs may be within
/// it, for prompts. Pure; any thread.
[[nodiscard]] name_fault fault_of_name(
    std::string_view name, std::size_t longest = k_longest_name, line_ends ends = line_ends::escaped
);

/// An address by which a person is known: something on both sides of an @, no white space anywhere, and what
/// is asked of a name. Pure; any thread.
[[nodiscard]] bool is_login(std::string_view text);

/// Length in characters; a byte that is no UTF-8 counts as one.
[[nodiscard]] std::size_t characters(std::string_view text);

} // namespace z360
