// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::crypto {

/// Makes libsodium ready; call before any other function of it. Cheap when repeated. Throws
/// std::runtime_error if the machine cannot run it.
void ensure_sodium();

/// Standard alphabet, padded.
[[nodiscard]] std::string base64(std::string_view bytes);
/// Strict: standard alphabet, exact padding, no whitespace, no stray bits; at most `max_bytes` decoded.
[[nodiscard]] std::optional<std::vector<unsigned char>>
unbase64(std::string_view text, std::size_t max_bytes);

/// URL-safe alphabet, no padding (RFC 7515).
[[nodiscard]] std::string base64url(std::string_view bytes);
/// As strict as unbase64.
[[nodiscard]] std::optional<std::vector<unsigned char>>
unbase64url(std::string_view text, std::size_t max_bytes);

} // namespace z360::adapter::crypto
