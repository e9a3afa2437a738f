// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/broadcast.hpp"
#include "adapter/postgres/postgres.hpp"
#include "adapter/redis/broadcast.hpp"
#include "app/redis_parts.hpp"

#include <z360/base/loop_state.hpp>
#include <z360/config.hpp>
#include <z360/engine/change_feed.hpp>
#include <z360/port/metrics.hpp>

#include <memory>
#include <vector>

namespace z360::app {

/// The change feed with its carriers. Telling and reading use the database connections of the API: a stall
/// here never holds up a call. Lifecycle: construct → start() → co_await stop() → destroy.
class feed_parts {
  public:
    feed_parts(
        const boost::asio::any_io_executor& ex, const config& c, redis_parts& redis,
        adapter::postgres::database& db, port::metrics& m
    );

    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop();
    [[nodiscard]] std::vector<loop_state> loops() const;
    [[nodiscard]] port::change_feed& feed() { return *feed_; }

  private:
    std::unique_ptr<adapter::redis::channel> channel_; ///< null: no Redis is configured
    std::unique_ptr<adapter::postgres::notifications> notifications_;
    std::unique_ptr<port::change_log> log_;
    std::unique_ptr<engine::change_feed> feed_;
};

} // namespace z360::app
