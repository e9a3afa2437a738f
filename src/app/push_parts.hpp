// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/crypto/ring_ticket.hpp"
#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/postgres.hpp"
#include "adapter/push/push.hpp"
#include "adapter/push/sender.hpp"

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/effect_runner.hpp>

#include <memory>
#include <string>
#include <vector>

namespace z360::app {

/// Of the push channel, from the configuration.
[[nodiscard]] adapter::push::settings push_settings(const config& c);
/// Of what belongs to no call: a phone is warned when five sixths of the time are over after which it is
/// suspended.
[[nodiscard]] adapter::push::sender_settings sender_settings(const config& c);

/// What tells phones by push: nothing where no keys are configured. Addresses are read where calls are;
/// what pushes have shown is written where things may wait.
/// Lifecycle: construct → start() → co_await stop(), after the engine → destroy.
class push_parts {
  public:
    /// Throws std::runtime_error, of one line, if the keys cannot be read.
    push_parts(
        const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& calls,
        adapter::postgres::database& later, std::shared_ptr<const adapter::crypto::vault> keys,
        const adapter::crypto::ring_ticket_codec& tickets, const port::clock& clock, port::metrics& metrics
    );

    /// For the engine.
    [[nodiscard]] std::vector<port::effect_runner*> runners() const;
    /// What a phone says of a push is kept. Returns at once.
    void receipt(const port::push_receipt& r) { ledger_->receipt(r); }
    [[nodiscard]] port::push_figures& figures() { return *figures_; }
    /// Null: push is not configured.
    [[nodiscard]] port::push_orders* orders() const { return orders_.get(); }
    /// Something was put into the queue. Returns at once.
    void order_placed() {
        if (sender_) sender_->wake();
    }
    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop(millis limit);
    [[nodiscard]] std::vector<loop_state> loops() const;

  private:
    std::unique_ptr<http::client> http_;
    std::unique_ptr<port::push_addresses> addresses_;
    std::unique_ptr<port::push_ledger> ledger_;
    std::unique_ptr<port::push_figures> figures_;
    std::unique_ptr<port::push_queue> queue_;
    std::unique_ptr<port::push_orders> orders_; ///< null: push is not configured, as all below
    std::unique_ptr<adapter::push::push_runner> runner_;
    std::unique_ptr<adapter::push::message_sender> sender_;
};

} // namespace z360::app
