// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/change_feed.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// Up to where changes have been read. Only the log knows what it means.
struct change_position {
    std::uint64_t below = 0; ///< every transaction before this one is over, and what it wrote was read
    std::string server;      ///< whose transactions are counted
};

/// One look into the log.
struct changes_read {
    enum class result : std::uint8_t {
        complete,
        too_many,       ///< more than the limit: none of them is here
        another_server, ///< restarted or replaced: the position says nothing about it
    };
    result what = result::complete;
    std::vector<change> changes; ///< with the version that the call has now
    change_position next;        ///< in any case
};

/// The changes as the database has them: nothing that was committed is ever skipped.
class change_log {
  public:
    virtual ~change_log() = default;
    /// Calls that changed since `from`, in the order of their transactions; without it none, only where the
    /// log stands now. What was written while an older write transaction is still open comes after that one
    /// has ended. Throws unavailable.
    [[nodiscard]] virtual boost::asio::awaitable<changes_read>
    since(std::optional<change_position> from, std::size_t limit) = 0;
};

} // namespace z360::port
