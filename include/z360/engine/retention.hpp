// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rows that are kept for a while only are removed when their time is over: in small batches with pauses in
// proportion, by one node at a time, so that nobody who waits for the database notices.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/retention_store.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace z360::engine {

struct retention_settings {
    std::string node;       ///< who holds the lease; different for each process
    millis raw_events{0};   ///< how long each kind is kept; 0: for ever
    millis dead_letters{0}; ///< and conflicts
    millis calls{0};
    millis push_attempts{0};
    millis abandoned{3'600'000
    }; ///< after its deadline an effect that no node has a runner for is ended; 0: never
    millis first{2'000};     ///< after the start, before the first look
    millis period{600'000};  ///< between looks that find nothing
    millis lease{60'000};    ///< a node that dies in the middle is replaced after so long
    millis least_pause{100}; ///< between batches
    unsigned share = 10;     ///< percent of the time that the database may be busy with it
    /// Rows in one transaction, about. Few: the next commit of a call waits for the disk until what a batch
    /// has written is there too.
    std::size_t batch = 50;
    millis round{30'000}; ///< longest stretch of work in one round of the loop
};

/// Not thread-safe: everything runs on the loop of the executor.
class retention {
  public:
    virtual ~retention() = default;

    virtual void start() = 0;
    /// A batch under way is given up or finished; none follows.
    virtual boost::asio::awaitable<void> stop() = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Nothing happens before start(); with nothing to do it has no loop. `store` and `metrics` outlive it.
[[nodiscard]] std::unique_ptr<retention> make_retention(
    boost::asio::any_io_executor ex, port::retention_store& store, port::metrics& metrics,
    retention_settings s
);

/// How long to pause after a batch that took `took`, so that batches take up `share` percent of the time.
[[nodiscard]] millis pause_after(millis took, const retention_settings& s);

} // namespace z360::engine
