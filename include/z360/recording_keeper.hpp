// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Copies of recordings: made at once, kept for their time, removed.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/push_queue.hpp>
#include <z360/port/recordings.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace z360::recording_keeper {

struct settings {
    std::size_t parallel = 8;   ///< copies at once
    millis look_every{1'000};   ///< for what is due
    millis claim{120'000};      ///< a recording belongs to one node for so long; prolonged while it is copied
    millis last_claim{900'000}; ///< the same while the vault takes it in for good
    millis search_every{300'000};    ///< for recordings that the carrier has never told of
    millis tidy_every{600'000};      ///< what is kept long enough is looked for, and rows of older programs
    millis tell_for{24 * 3'600'000}; ///< how long the news of a message is worth sending
    bool remove_originals = false;   ///< the carrier's, once ours is kept
    millis keep_at_most{0};          ///< whatever is said: their calls go then; 0: for ever
    millis keep_for{0};              ///< where the organisation says nothing; 0: for ever
};

/// What it works with; must outlive it.
struct ports {
    port::recording_store& store;
    port::carrier_recordings& carrier;
    port::recording_vault* vault = nullptr;  ///< null: nothing is copied, recordings stay at the carrier
    port::push_orders* orders = nullptr;     ///< null: nobody is told of a message
    std::function<void()> order_placed = {}; ///< something waits to be sent. Returns at once; may be empty
    port::metrics& metrics;
};

/// One per process; many may run over the same database. Everything it holds in memory may be lost at any
/// moment. On the loop of the executor.
class keeper {
  public:
    virtual ~keeper() = default;
    virtual void start() = 0;
    /// Copies under way are given up: another node, or the next start, makes them.
    virtual boost::asio::awaitable<void> stop() = 0;
    /// Late: recordings stay at the carrier, messages are not told of; calls go on.
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Not started; stop() must have completed before it is destroyed.
[[nodiscard]] std::unique_ptr<keeper> make_keeper(boost::asio::any_io_executor ex, ports p, settings s);

} // namespace z360::recording_keeper
