// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::http {

/// Percent-decodes a path; nullopt for a broken escape, a raw control character or an escaped NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

struct split_target {
    std::string path;  ///< decoded
    std::string query; ///< raw, without the '?'
};

/// Takes a request target apart. Accepts `/path?query` and the absolute form that proxies send; nullopt for
/// anything else.
[[nodiscard]] std::optional<split_target> parse_target(std::string_view target);

} // namespace z360::http
