// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Texts of anybody on their way to a phone's screen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace z360::wire {

/// One line of at most `longest` characters: without control characters, marks that turn the direction of
/// writing, and bytes that are no UTF-8; white space of any kind is one space. Cut between characters, and
/// not within an emoji that is made of several. May be empty.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t longest);

/// The same with line breaks and tabs kept.
[[nodiscard]] std::string some_lines(std::string_view text, std::size_t longest);

/// Data of a program: as it is, but what is no UTF-8 becomes U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The text if it is an https address of at most 1024 printable characters, else empty.
[[nodiscard]] std::string web_address(std::string_view text);

/// The text if it has 1 to `longest` printable ASCII characters and no blank, else empty.
[[nodiscard]] std::string plain_word(std::string_view text, std::size_t longest);

} // namespace z360::wire
