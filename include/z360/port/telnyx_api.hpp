// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/call/effect.hpp>
#include <z360/call/event.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace z360::port {

/// Asked before every attempt to send a command; false ends it with outcome `superseded`. `attempt` counts
/// from 1.
using still_wanted = std::function<boost::asio::awaitable<bool>(unsigned attempt)>;

/// Call Control commands of Telnyx.
class telnyx_api {
  public:
    virtual ~telnyx_api() = default;
    /// Carries one command out: identical resend when no answer came in time, retries with backoff while the
    /// error is a passing one and the deadline allows, dial budget and circuit breaker. Never throws for what
    /// Telnyx or the network does; the outcome says it. Hang-up and reject are repeated whatever the error
    /// is, slowly, until they are done, their leg is gone, or the deadline; `wanted` is asked while they wait
    /// too. For a dial, `who.call_control_id` is the new leg.
    virtual boost::asio::awaitable<call::command_outcome> execute(call::command cmd, still_wanted wanted) = 0;
};

} // namespace z360::port
