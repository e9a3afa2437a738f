// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/message.hpp>

#include <string>
#include <string_view>

namespace z360::http {

struct response_options {
    std::string_view date; ///< value of the Date header
    bool keep_alive = true;
    bool http_1_0 = false; ///< the client does not know that connections stay open
    bool secure = false;   ///< over TLS: tells browsers and apps to come back over TLS only (CFG-05)
};

/// Writes the status line and headers, up to and with the empty line, to the end of `out`. Framing headers
/// (Content-Length, Connection, Date, …) are the server's; a handler's own are left out. Control characters
/// in a value become spaces, so that a value can never add a header.
void append_response_head(std::string& out, const response& r, const response_options& options);

/// Whether a response with this status may have a body at all.
[[nodiscard]] bool may_have_body(int status);

/// A time as HTTP writes it, e.g. "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

} // namespace z360::http
