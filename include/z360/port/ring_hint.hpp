// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/ids.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace z360::port {

/// What Redis believes about a ring. Never a judge (P6): a wrong or missing hint costs time, not correctness.
enum class hint : std::uint8_t {
    first,     ///< nobody was seen to answer before this leg
    not_first, ///< another leg was seen first: load the stored state before deciding
    unknown,   ///< Redis is slow, away or not configured
};

/// Tells early, and without authority, who answered a ring first.
class ring_hint {
  public:
    virtual ~ring_hint() = default;
    /// SET NX with a short life. Answers within the Redis budget (50 ms); never throws.
    virtual boost::asio::awaitable<hint> answered(call_id call, leg_id leg) = 0;
};

/// The account-wide dial limit, shared by all nodes through Redis, with a local share as fallback.
class dial_budget {
  public:
    virtual ~dial_budget() = default;
    /// Takes one dial. Returns 0 if it may leave now, else how long to wait before asking again. Never
    /// throws.
    virtual boost::asio::awaitable<std::int64_t> take_ms() = 0;
};

} // namespace z360::port
