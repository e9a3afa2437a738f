// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A push as it is sent over HTTP/2, whichever provider it goes to.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::wire {

/// A header beside the pseudo headers; the name in lower case.
struct push_header {
    std::string name;
    secret value;
    /// Sent without entering the compression table of the connection: it differs each time and would push
    /// out what repeats.
    bool never_index = false;
};

/// POST, with `authorization: bearer` and the provider token of the moment, which whoever sends it adds: a
/// repeat may need another one. The path of APNs holds the device's token, the body a ring ticket: neither is
/// for a log.
struct push_request {
    std::string authority;
    secret path; ///< never to be indexed
    std::vector<push_header> headers;
    secret body;
};

/// Why no request was made. None of them is the token's fault but `bad_token`.
enum class push_fault : std::uint8_t {
    none,
    too_late,    ///< its deadline has come
    wrong_token, ///< such a push does not go to such a token, or to this provider
    bad_token,   ///< not a token's form: nothing could come of it
    not_allowed, ///< the app, the project or the key of the data is not one that we send for
    incomplete,  ///< what the kind needs is missing
    too_large,   ///< also after everything that may go has gone
};
[[nodiscard]] std::string_view name(push_fault f);

struct push_built {
    std::optional<push_request> request; ///< nullopt: see `fault`
    push_fault fault = push_fault::none;
    std::string why;                       ///< one line: what is wrong, and the fix; no token in it
    std::vector<std::string_view> trimmed; ///< what had to go, in order
};

/// Retry-After in either form. nullopt: cannot be read, or beyond a day, which no provider means.
[[nodiscard]] std::optional<millis> read_retry_after(std::string_view value, time_point now);

} // namespace z360::wire
