// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/postgres.hpp"

#include <z360/config.hpp>
#include <z360/credential_manager.hpp>
#include <z360/engine/engine.hpp>
#include <z360/http/client.hpp>
#include <z360/rt/sync.hpp>

#include <memory>
#include <vector>

namespace z360::app {

/// The credential manager between its rows and Telnyx. It stands beside the engine: the API asks it, and what
/// legs tell about devices comes to it by the witness. Lifecycle: construct → start() → co_await stop(),
/// after the engine → destroy.
class credential_parts {
  public:
    /// `db`: of what may wait, unlike calls.
    credential_parts(
        const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
        std::shared_ptr<const adapter::crypto::vault> keys, http::client& client, const port::clock& clock,
        port::metrics& metrics
    );

    void start();
    [[nodiscard]] boost::asio::awaitable<void> stop(millis limit);
    [[nodiscard]] std::vector<loop_state> loops() const { return manager_->loops(); }
    [[nodiscard]] credential_manager::manager& manager() { return *manager_; }
    /// For the engine.
    [[nodiscard]] engine::leg_witness witness();

  private:
    boost::asio::awaitable<void> answered(device_id d, identity_id i);

    const port::clock& clock_;
    bool has_connection_; ///< without one no identity can be made
    std::unique_ptr<port::credential_store> store_;
    std::unique_ptr<port::telnyx_credentials> carrier_;
    std::unique_ptr<credential_manager::manager> manager_;
    rt::task_group tasks_;
};

} // namespace z360::app
