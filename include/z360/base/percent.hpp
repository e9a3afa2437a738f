// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Percent-encoding (RFC 3986 §2.1), taken back: any %XX, whatever it stands for, NUL too. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360 {

/// The value of a hexadecimal digit in either case; -1: it is none.
[[nodiscard]] int hex_digit(char c);
/// nullopt for a broken escape.
[[nodiscard]] std::optional<std::string> unescaped(std::string_view text);
/// A broken escape stays as it is.
[[nodiscard]] std::string unescaped_leniently(std::string_view text);

} // namespace z360
