// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A lasting relation to one Redis: connects, reconnects, and answers every command within a budget.
#pragma once

#include "adapter/redis/reply.hpp"
#include "adapter/redis/url.hpp"

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace z360::adapter::redis {

struct session_settings {
    url where;
    millis budget{50};           ///< longest wait for one command
    millis connect_limit{1'000}; ///< for TCP, AUTH, SELECT and PING together
    millis backoff_first{50};
    millis backoff_longest{2'000};
    millis skip_first{1'000}; ///< how long Redis is left alone after it did not answer in time
    millis skip_longest{5'000};
    std::size_t max_in_flight = 4'096; ///< beyond it commands are skipped
};

/// Lifecycle: construct → start() → command() … → co_await stop() → destroy. On the loop's thread only.
/// A Redis that stalls costs at most the commands already under way one budget each: then commands are
/// skipped for skip_first, one probe goes through, and the pause grows while probes fail. Three in a row drop
/// the connection.
class session {
  public:
    session(boost::asio::any_io_executor ex, session_settings s, port::metrics& m);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop();

    /// Completes exactly once, within the budget. Throws only when the awaiting coroutine is cancelled. A
    /// reply that comes later is dropped.
    [[nodiscard]] boost::asio::awaitable<reply> command(std::vector<std::string> arguments);
    /// Connected, and it answered when last asked.
    [[nodiscard]] bool healthy() const;
    /// The loop that keeps the connection.
    [[nodiscard]] std::vector<loop_state> loops() const;

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace z360::adapter::redis
