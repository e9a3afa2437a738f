// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Text in the columns of a terminal. Pure; any thread. What is no UTF-8 counts as a column for each byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace z360 {

/// Columns that a terminal takes for it: two for wide characters (East Asian, emoji), none for marks that
/// combine.
[[nodiscard]] std::size_t columns_of(std::string_view text);
/// At most so many columns: a longer text ends in "…", cut between characters.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t columns);
/// Exactly so many columns: clipped, or filled with blanks behind it.
[[nodiscard]] std::string in_columns(std::string_view text, std::size_t columns);
/// The same with the blanks in front.
[[nodiscard]] std::string in_columns_right(std::string_view text, std::size_t columns);
/// Broken at blanks into lines of at most so many columns, the first one after `first` columns that are
/// taken, the others indented by `indent`. A word that is longer than a line is broken within. At least one
/// line.
[[nodiscard]] std::vector<std::string>
wrapped(std::string_view text, std::size_t columns, std::size_t first = 0, std::size_t indent = 0);

} // namespace z360
