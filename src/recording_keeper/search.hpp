// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings that the carrier has never told of: it is asked, some minutes after the call. Private to
// src/recording_keeper.
#pragma once

#include <z360/port/metrics.hpp>
#include <z360/port/recordings.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace z360::recording_keeper {

/// When the carrier is asked again that had none, after so many questions; nullopt: it has none.
[[nodiscard]] std::optional<millis> search_pause(std::uint32_t questions);

class searcher {
  public:
    searcher(port::recording_store& store, port::carrier_recordings& carrier, port::metrics& metrics)
        : store_(store), carrier_(carrier), metrics_(metrics) {}

    /// Looks which calls are silent, and asks about those that are due. Throws unavailable when the database
    /// is.
    [[nodiscard]] boost::asio::awaitable<void> round();

  private:
    boost::asio::awaitable<void> ask(port::silent_call c);

    port::recording_store& store_;
    port::carrier_recordings& carrier_;
    port::metrics& metrics_;
    std::optional<rt::clock::time_point> looked_; ///< the last round; each call is looked at once
};

} // namespace z360::recording_keeper
