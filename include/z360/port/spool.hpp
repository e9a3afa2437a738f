// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/event_inbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace z360::port {

struct spool_health {
    bool usable = true;        ///< the last attempt to store succeeded, or none was made
    std::string why;           ///< what is wrong: why it is not usable, or what housekeeping could not do
    std::size_t set_aside = 0; ///< events kept for people
};

/// Durable local queue for webhooks that arrive while Postgres is away. Survives a kill and a power loss.
class spool {
  public:
    virtual ~spool() = default;
    /// Stores all of them durably or throws unavailable (disk full, limit reached).
    virtual boost::asio::awaitable<void> append(std::vector<inbox_event> events) = 0;
    /// The oldest events, at most `limit`, without removing them.
    virtual boost::asio::awaitable<std::vector<inbox_event>> peek(std::size_t limit) = 0;
    /// Removes events that are now in the inbox.
    virtual boost::asio::awaitable<void> remove(std::vector<std::string> event_ids) = 0;
    /// Takes events out of the queue for good, with the reason, and keeps them for people: nothing behind
    /// them waits for them.
    virtual boost::asio::awaitable<void> set_aside(std::vector<std::string> event_ids, std::string why) = 0;
    /// Housekeeping, called every second or so: opens what could not be opened before, takes over the files
    /// of processes that are gone, gives room back to the disk. What a part of it could not do is told by
    /// health(), not thrown: a node without a usable disk serves all the same.
    virtual boost::asio::awaitable<void> tend() = 0;
    /// Events waiting in this process's queue; exact, cheap, callable from the loop.
    [[nodiscard]] virtual std::size_t size() const = 0;
    /// For /readyz and metrics; cheap, callable from the loop.
    [[nodiscard]] virtual spool_health health() const = 0;
};

} // namespace z360::port
