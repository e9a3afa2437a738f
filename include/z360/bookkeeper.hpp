// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Messages, minutes and transcripts of calls that are over: written down behind the calls' backs.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/books.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace z360::bookkeeper {

struct settings {
    millis look_every{1'000}; ///< for calls that are to be written down
    std::size_t batch = 16;   ///< calls, or transcripts, of one transaction
};

/// One per process; any number over the same database. Holds nothing that may not be lost. On the loop of
/// the executor.
class keeper {
  public:
    virtual ~keeper() = default;
    virtual void start() = 0;
    virtual boost::asio::awaitable<void> stop() = 0;
    /// Late: the inbox and the ledger lag behind; calls go on.
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Not started; stop() must have completed before it is destroyed. The others must outlive it.
[[nodiscard]] std::unique_ptr<keeper>
make_keeper(boost::asio::any_io_executor ex, port::book_store& store, port::metrics& metrics, settings s);

} // namespace z360::bookkeeper
