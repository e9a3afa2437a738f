// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/crypto/recording_link.hpp"
#include "adapter/postgres/postgres.hpp"
#include "app/push_parts.hpp"

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/recordings.hpp>
#include <z360/recording_keeper.hpp>
#include <z360/rt/blocking_pool.hpp>

#include <memory>
#include <vector>

namespace z360::app {

/// What happens to recordings after the call, and who reads them.
/// Lifecycle: construct → start() → co_await stop() → destroy.
class recording_parts {
  public:
    /// `db`: of what may wait, unlike calls. Throws std::runtime_error, of one line, if the vault cannot be.
    recording_parts(
        const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
        push_parts& pushes, http::client& client, const port::clock& clock, port::metrics& metrics
    );
    ~recording_parts();
    recording_parts(const recording_parts&) = delete;
    recording_parts& operator=(const recording_parts&) = delete;

    [[nodiscard]] port::recording_reader& reader() { return *reader_; }
    /// Null: they are at the carrier alone.
    [[nodiscard]] port::recording_vault* vault() { return vault_.get(); }
    [[nodiscard]] port::carrier_recordings& carrier() { return *carrier_; }
    [[nodiscard]] const adapter::crypto::recording_link_codec& links() const { return links_; }
    void start() { keeper_->start(); }
    [[nodiscard]] boost::asio::awaitable<void> stop() { return keeper_->stop(); }
    [[nodiscard]] std::vector<loop_state> loops() const { return keeper_->loops(); }

  private:
    adapter::crypto::recording_link_codec links_;
    std::unique_ptr<rt::blocking_pool> files_; ///< null: nothing is copied
    std::unique_ptr<port::recording_vault> vault_;
    std::unique_ptr<port::carrier_recordings> carrier_;
    std::unique_ptr<port::recording_store> store_;
    std::unique_ptr<port::recording_reader> reader_;
    std::unique_ptr<recording_keeper::keeper> keeper_;
};

} // namespace z360::app
