// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

namespace z360::port {

/// A bucket of `limit` requests that fills again evenly within `window`: all of them may come at once, then
/// one comes back every window/limit. In any time t at most limit + limit * t/window requests pass. 0 counts
/// as 1.
struct rate {
    unsigned limit = 60;
    millis window{60'000};
};

/// Whether a request may pass, and what to tell whoever sent it.
struct rate_verdict {
    bool allowed = true;
    unsigned limit = 0;
    unsigned remaining = 0;
    millis retry_after{0}; ///< until the next request would pass; 0 when allowed
    millis reset_after{0}; ///< until the full limit is there again
};

/// Request limits shared by all nodes through Redis; while it is away each process keeps them for itself
/// (SEC-04). Never throws, answers within the Redis budget.
class rate_limiter {
  public:
    virtual ~rate_limiter() = default;
    /// Takes one request of `key` (class and subject, e.g. "credentials:device:42"; no secrets).
    virtual boost::asio::awaitable<rate_verdict> take(std::string key, rate r) = 0;
    /// What take() would answer now; takes nothing.
    virtual boost::asio::awaitable<rate_verdict> look(std::string key, rate r) = 0;
};

} // namespace z360::port
