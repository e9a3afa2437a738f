// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <string_view>

namespace z360::adapter::recordings {

/// Where copies lie while they come in, below a vault's folder: no key begins so.
inline constexpr std::string_view k_incoming = ".incoming";

/// Whether it is a key as port::recording_vault describes it. Pure.
[[nodiscard]] bool is_key(std::string_view text);
/// Throws std::invalid_argument if it is none. The text names what is wrong and not the key, which may hold
/// anything.
void check_key(std::string_view text);

} // namespace z360::adapter::recordings
