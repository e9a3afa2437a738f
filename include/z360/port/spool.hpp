// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/event_inbox.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <vector>

namespace z360::port {

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
    /// Events waiting; exact, cheap, callable from the loop.
    [[nodiscard]] virtual std::size_t size() const = 0;
};

} // namespace z360::port
