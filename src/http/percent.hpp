// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Percent-encoding (RFC 3986 §2.1) and its form variant, taken back. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::http {

/// Decodes a path; nullopt for a broken escape, a raw control character or an escaped NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// Decodes a name or a value of a query string: '+' is a space, and a broken escape stays as it is, because a
/// query that is merely odd must not cost the whole request.
[[nodiscard]] std::string form_decode(std::string_view text);

} // namespace z360::http
