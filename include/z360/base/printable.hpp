// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Text from outside on its way to a person's screen or a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace z360 {

enum class line_ends : std::uint8_t { escaped, kept };

/// The text with everything escaped as \uXXXX that could make a terminal act or show something else than what
/// is there: control characters (C0, DEL and C1), what turns the direction of writing round, line and
/// paragraph separators, bytes that are no UTF-8. What is escaped in JSON stays JSON of the same meaning.
/// `kept`: newlines and tabs stay.
[[nodiscard]] std::string printable(std::string_view text, line_ends ends = line_ends::escaped);

/// Whether the text holds a control character: C0, DEL or C1. `kept`: newline, carriage return and tab are
/// none.
[[nodiscard]] bool has_controls(std::string_view text, line_ends ends = line_ends::escaped);

} // namespace z360
