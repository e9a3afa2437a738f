// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/bookkeeper.hpp>

#include <memory>
#include <vector>

namespace z360::app {

/// What the product's inbox and billing read of calls that are over: who writes it, and who reads it here.
/// Lifecycle: construct → start() → co_await stop() → destroy.
class book_parts {
  public:
    /// `db`: of what may wait, unlike calls.
    book_parts(
        const boost::asio::any_io_executor& ex, adapter::postgres::database& db, port::metrics& metrics
    )
        : store_(adapter::postgres::make_book_store(db)), reader_(adapter::postgres::make_book_reader(db)),
          keeper_(bookkeeper::make_keeper(ex, *store_, metrics, {})) {}

    [[nodiscard]] port::book_reader& reader() { return *reader_; }
    void start() { keeper_->start(); }
    [[nodiscard]] boost::asio::awaitable<void> stop() { return keeper_->stop(); }
    [[nodiscard]] std::vector<loop_state> loops() const { return keeper_->loops(); }

  private:
    std::unique_ptr<port::book_store> store_;
    std::unique_ptr<port::book_reader> reader_;
    std::unique_ptr<bookkeeper::keeper> keeper_;
};

} // namespace z360::app
