// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One hiredis connection driven by Asio. The only header that sees hiredis.
#pragma once

#include "adapter/redis/reply.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

struct redisAsyncContext;

namespace z360::adapter::redis {

/// Lifecycle: open() → on_open(true) → send() … → on_closed(). An attempt that fails reports on_closed alone.
/// Each send() calls its function exactly once, with `disconnected` when the connection ends first. Nothing
/// is called after on_closed. All calls on the loop's thread. Closes itself when the last owner lets go.
class connection {
  public:
    struct events {
        std::function<void()> on_open;
        std::function<void(std::string why)> on_closed;
    };
    using on_reply = std::function<void(reply)>;

    /// `address` is numeric: hiredis would look names up on the loop.
    connection(boost::asio::any_io_executor ex, const std::string& address, int port, events e);
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    void send(const std::vector<std::string>& arguments, on_reply done);
    /// From now on whatever is published on `channel`, and each confirmation of this call, goes to `heard`. A
    /// connection that has subscribed takes no other command; a repeat is answered with a confirmation.
    void subscribe(const std::string& channel, on_reply heard);
    /// Ends the connection; pending commands complete with `disconnected`. Idempotent.
    void close();

  private:
    struct link;
    std::shared_ptr<link> link_; ///< shared with waits that Asio has not called back yet
};

} // namespace z360::adapter::redis
