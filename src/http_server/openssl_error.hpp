// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <openssl/err.h>

#include <string>

namespace z360::http {

/// The oldest error in OpenSSL's queue as text; empties the queue.
[[nodiscard]] inline std::string openssl_error() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "no detail";
    char text[256];
    ERR_error_string_n(code, text, sizeof text);
    return text;
}

} // namespace z360::http
