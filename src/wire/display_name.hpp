// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace z360::wire {

inline constexpr std::size_t k_max_display_name = 128;

/// A contact's name as Telnyx accepts it for `from_display_name`: letters, digits, space and `-_~!.+`, at
/// most 128 of them. Latin letters lose their accents, a few signs become an allowed one, everything else is
/// dropped. Empty when no letter or digit is left: then the name is better not sent.
[[nodiscard]] std::string display_name(std::string_view utf8);

/// At most `limit` code points of `utf8`, cut between characters.
[[nodiscard]] std::string_view clip(std::string_view utf8, std::size_t limit);

} // namespace z360::wire
