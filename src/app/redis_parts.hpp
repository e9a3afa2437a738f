// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/redis/broadcast.hpp"
#include "adapter/redis/rate_limiter.hpp"
#include "adapter/redis/redis.hpp"

#include <z360/base/loop_state.hpp>
#include <z360/config.hpp>
#include <z360/port/metrics.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace z360::app {

/// Redis, or what stands in for it where none is configured: correct, only without shared limits and hints.
class redis_parts {
  public:
    redis_parts(const boost::asio::any_io_executor& ex, const config& c, port::metrics& m);

    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop();
    [[nodiscard]] bool configured() const { return session_ != nullptr; }
    [[nodiscard]] bool up() const { return session_ != nullptr && session_->healthy(); }
    [[nodiscard]] std::vector<loop_state> loops() const;
    [[nodiscard]] port::ring_hint& hint() { return *hint_; }
    [[nodiscard]] port::dial_budget& budget() { return *budget_; }
    [[nodiscard]] port::rate_limiter& limiter() { return *limiter_; }
    /// Between the processes of the installation, under the key prefix; null: no Redis is configured.
    [[nodiscard]] std::unique_ptr<adapter::redis::channel>
    channel(const boost::asio::any_io_executor& ex, const std::string& name, port::metrics& m);

  private:
    adapter::redis::session_settings settings_;
    std::string prefix_;
    std::unique_ptr<adapter::redis::session> session_;
    std::unique_ptr<port::ring_hint> hint_;
    std::unique_ptr<port::dial_budget> budget_;
    std::unique_ptr<port::rate_limiter> limiter_;
};

} // namespace z360::app
