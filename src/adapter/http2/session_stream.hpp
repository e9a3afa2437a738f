// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Between session.cpp and session_callbacks.cpp.
#pragma once

#include "adapter/http2/session.hpp"

namespace z360::adapter::http2 {

inline constexpr std::size_t k_waste_limit = 4 * 1024 * 1024; ///< thrown away on one connection, then it ends
inline constexpr std::size_t k_debug_limit = 1024;

/// An open stream. Its place in memory is known to nghttp2.
struct session::stream {
    std::list<stream>::iterator at;
    std::int32_t id = 0;
    exchange_ptr x;
    moment sent_at{};
    moment probe_at{};       ///< not answered by then: PING
    std::size_t body_at = 0; ///< so much of the body is out
    bool whole = false;      ///< all of the request is out: from now on the server may have it
    bool settled = false;    ///< its exchange has an outcome, or nobody waits for one
    bool lingers = false;    ///< settled, and counted as such
    bool replied = false;    ///< in full, or as much as we take
    bool final = false;      ///< the headers of the reply are here, not of an interim one
    std::size_t header_bytes = 0;
    h2::result got;
};

} // namespace z360::adapter::http2
