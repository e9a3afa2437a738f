// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <utility>

namespace z360::http {

class connection;

/// What all connections of one server share. Outlives them.
struct server_state {
    server_state(router r, server_settings s, port::metrics& m)
        : routes(std::move(r)), settings(std::move(s)), metrics(m) {}

    router routes;
    server_settings settings;
    port::metrics& metrics;
    std::list<connection*> open; ///< each connection enters and leaves by itself
    std::size_t served = 0;      ///< of them: within the cap
    std::size_t turned_away = 0; ///< of them: only told 503
    bool draining = false;       ///< a stop is near: connections end with their next response
    bool stopping = false;

    /// Value of the Date header; formatted once a second.
    [[nodiscard]] const std::string& date();

  private:
    std::int64_t date_second_ = -1;
    std::string date_;
};

/// One accepted connection. Deadlines are looked at by the server's tick (expire), not by a timer per
/// operation: with thousands of connections that is the cheaper way, at the price of a tick's precision.
class connection {
  public:
    using clock = std::chrono::steady_clock;
    enum class phase { opening, idle, reading, handling, writing, closing };
    enum class purpose { serve, turn_away };

    connection(server_state& state, purpose why);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    virtual ~connection();

    /// The connection's whole life. Cancel it to end it at once.
    virtual boost::asio::awaitable<void> run() = 0;
    /// Interrupts the operation in progress if its deadline has passed.
    void expire(clock::time_point now);
    /// Interrupts a connection that waits for its next request, not one that was just made.
    void close_if_idle();

  protected:
    virtual void cancel_io() = 0;
    void enter(phase p, millis limit);
    void enter(phase p);

    server_state& state_;
    purpose purpose_;
    phase phase_ = phase::opening;
    bool timed_out_ = false;
    bool served_one_ = false;
    /// It may be closed: nobody is about to send its first request.
    [[nodiscard]] bool idle() const;

  private:
    clock::time_point deadline_ = clock::time_point::max();
    clock::time_point accepted_at_ = clock::now();
    std::list<connection*>::iterator place_;
};

/// `tls` empty: plain HTTP.
[[nodiscard]] std::unique_ptr<connection> make_connection(
    boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls, server_state& state,
    connection::purpose why
);

} // namespace z360::http
