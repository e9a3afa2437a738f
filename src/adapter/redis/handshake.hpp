// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How a connection comes about: name, TCP, AUTH, SELECT, PING. Shared by who commands and who listens.
#pragma once

#include "adapter/redis/connection.hpp"
#include "adapter/redis/url.hpp"

#include <z360/base/time.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace z360::adapter::redis {

/// What a connection's callbacks touch; outlives the coroutine that waits for them.
struct connection_life {
    explicit connection_life(const boost::asio::any_io_executor& ex) : step(ex), closed(ex) {}
    rt::event step;
    rt::event closed;
    bool open = false;
    std::string error; ///< set: closed
};

struct opened {
    std::shared_ptr<connection> link;
    std::shared_ptr<connection_life> life;
    std::string error; ///< empty: ready for commands
};

/// One attempt. `attempt` chooses among the addresses of a name. `limit` bounds each answer of Redis; the
/// caller bounds the whole. Throws system_error for a name that cannot be looked up, or when cancelled.
[[nodiscard]] boost::asio::awaitable<opened>
shake_hands(boost::asio::any_io_executor ex, url where, unsigned attempt, millis limit);

/// Sends, and waits for the answer at most `limit`; one that comes later is dropped.
[[nodiscard]] boost::asio::awaitable<reply> exchange(
    boost::asio::any_io_executor ex, std::shared_ptr<connection> link, std::vector<std::string> arguments,
    millis limit
);

} // namespace z360::adapter::redis
