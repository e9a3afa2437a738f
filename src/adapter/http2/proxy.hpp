// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/secret.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::http2 {

/// An HTTP proxy that connects us by CONNECT.
struct proxy {
    std::string host; ///< without brackets
    std::uint16_t port = 1080;
    secret credentials; ///< `user:password`, decoded; empty: none
};

/// Reads [http://][user[:password]@]host[:port], as libcurl does: port 1080 if none is given, user and
/// password percent-decoded. Throws std::runtime_error; its text never quotes the setting.
[[nodiscard]] proxy parse_proxy(const secret& text);

/// `host:port`, an IPv6 address in brackets.
[[nodiscard]] std::string host_and_port(const std::string& host, std::uint16_t port);

/// The request to the proxy. Holds its credentials.
[[nodiscard]] secret connect_request(const proxy& by, const std::string& host, std::uint16_t port);

/// Status of the first line of a proxy's answer; nullopt: it is none of HTTP/1.
[[nodiscard]] std::optional<int> status_of(std::string_view head);

} // namespace z360::adapter::http2
