// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/redis/session.hpp"

#include <z360/base/loop_state.hpp>
#include <z360/port/broadcast.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace z360::adapter::redis {

/// Pub/sub on the channel `<prefix><name>`: sends through the session, whose budget and pauses apply, and
/// listens on a connection of its own, only while somebody wants to hear. Such a connection is asked for a
/// sign of life every few seconds. Lifecycle: construct → start() → co_await stop() → destroy. The session
/// outlives it.
class channel : public port::broadcast {
  public:
    virtual void start() = 0;
    [[nodiscard]] virtual boost::asio::awaitable<void> stop() = 0;
    /// Subscribed, and Redis has confirmed it.
    [[nodiscard]] virtual bool listening() const = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

struct channel_settings {
    session_settings connect;   ///< where to listen, and how patiently
    std::string name;           ///< with the key prefix
    millis sign_of_life{5'000}; ///< how often one is asked for; a second without it ends the connection
};

[[nodiscard]] std::unique_ptr<channel>
make_channel(boost::asio::any_io_executor ex, session& s, channel_settings c, port::metrics& m);

} // namespace z360::adapter::redis
