// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace z360::adapter::redis {

/// What redis://[[user]:password@]host[:port][/db] says.
struct url {
    std::string host;
    std::uint16_t port = 6379;
    unsigned database = 0;
    std::string user;
    secret password;
};

/// The URL's parts, or why it is none. The text names no part of the URL, so it may be printed.
[[nodiscard]] std::variant<url, std::string> parse_url(std::string_view text);

} // namespace z360::adapter::redis
