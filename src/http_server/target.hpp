// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::http {

struct split_target {
    std::string path;  ///< decoded
    std::string query; ///< raw, without the '?'
};

/// Takes a request target apart. Accepts `/path?query` and the absolute form that proxies send; nullopt for
/// anything else.
[[nodiscard]] std::optional<split_target> parse_target(std::string_view target);

} // namespace z360::http
