// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The change feed of a process: two carriers, the database's own record behind them, and those who listen.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/broadcast.hpp>
#include <z360/port/change_feed.hpp>
#include <z360/port/change_log.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace z360::engine {

/// All of it outlives the feed.
struct change_feed_ports {
    port::broadcast* fast; ///< null: there is none, every change goes by `slow`
    port::broadcast& slow; ///< where the fast one does not take them
    port::change_log& log;
    port::metrics& metrics;
};

struct change_feed_settings {
    std::size_t max_untold = 10'000;  ///< calls waiting to be told; beyond, a change is left to the log
    std::size_t max_waiting = 10'000; ///< calls waiting for one subscriber; beyond, it must read all
    std::size_t max_found = 5'000;    ///< changes taken from the log at once; beyond, everybody must read all
    std::size_t remembered = 50'000;  ///< calls whose newest version is known; at least half of it always is
    millis slow_pause{50};            ///< between two sendings by the slow carrier
    millis log_period{1'000};         ///< between two looks into the log
};

/// Lifecycle: construct → start() → co_await stop() → destroy, after all subscriptions. Told before start():
/// waits.
class change_feed : public port::change_feed {
  public:
    virtual void start() = 0;
    /// What nobody has been told yet is left to the log.
    [[nodiscard]] virtual boost::asio::awaitable<void> stop() = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

[[nodiscard]] std::unique_ptr<change_feed>
make_change_feed(boost::asio::any_io_executor ex, change_feed_ports p, change_feed_settings s = {});

} // namespace z360::engine
