// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/base/loop_state.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/port/broadcast.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace z360::adapter::postgres {

/// NOTIFY and LISTEN on one name. Sends by a statement of its own on the pool's connections; listens on a
/// connection and a thread of its own, only while somebody wants to hear. Lifecycle: construct → start() →
/// co_await stop() → destroy. The database outlives it.
class notifications : public port::broadcast {
  public:
    virtual void start() = 0;
    [[nodiscard]] virtual boost::asio::awaitable<void> stop() = 0;
    /// The server knows that we listen.
    [[nodiscard]] virtual bool listening() const = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

struct notification_settings {
    secret url;                 ///< past a pooler of transactions, which takes LISTEN and passes nothing on
    std::string name;           ///< lower-case letters, digits and underscores
    millis sign_of_life{5'000}; ///< how often a quiet connection is asked whether it still is one
};

[[nodiscard]] std::unique_ptr<notifications>
make_notifications(boost::asio::any_io_executor ex, database& db, notification_settings s, port::metrics& m);

} // namespace z360::adapter::postgres
