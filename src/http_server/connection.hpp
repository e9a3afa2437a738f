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
#include <unordered_map>
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
    std::size_t reserved = 0;    ///< of them: in a place for reserved routes
    std::size_t turned_away = 0; ///< of them: only told 503
    bool draining = false;       ///< a stop is near: connections end with their next response
    bool stopping = false;

    /// Connections within the cap, by source (see source_of); no entry: none.
    std::unordered_map<std::string, std::size_t> by_source;

    /// Whether one more connection from there is within the cap and the limit of its address.
    [[nodiscard]] bool has_place(const std::string& source) const;
    /// The address has all connections that it may have, whatever is free.
    [[nodiscard]] bool crowded(const std::string& source) const;
    /// Few places are left: who says nothing is not waited for as long as usual.
    [[nodiscard]] bool short_of_places() const { return served * 4 >= settings.max_connections * 3; }
    /// Closes whoever holds a reserved place and has waited longest for a request. False: all are busy.
    [[nodiscard]] bool make_room();

    /// Value of the Date header; formatted once a second.
    [[nodiscard]] const std::string& date();

    void report() const;

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
    enum class purpose { serve, reserved, turn_away };

    /// `source`: whose connections are counted together; empty: counted with nobody's.
    connection(server_state& state, purpose why, std::string source);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    virtual ~connection();

    /// The connection's whole life. Cancel it to end it at once.
    virtual boost::asio::awaitable<void> run() = 0;
    /// Interrupts the operation in progress if its deadline has passed.
    void expire(clock::time_point now);
    /// Interrupts a connection that waits for its next request, not one that was just made.
    void close_if_idle();
    /// In a reserved place, and no request is being read in full, handled or answered.
    [[nodiscard]] bool may_make_room() const;
    /// Ends it at once, without a word.
    void evict();
    [[nodiscard]] clock::time_point waits_since() const { return waits_since_; }

  protected:
    virtual void cancel_io() = 0;
    void enter(phase p, millis limit);
    void enter(phase p);

    server_state& state_;
    purpose purpose_;
    const bool crowded_; ///< its address had all its connections already
    phase phase_ = phase::opening;
    bool timed_out_ = false;
    bool served_one_ = false;
    bool asks_reserved_ = false; ///< its last request was for a reserved route
    /// Out of a reserved place into a usual one, if there is any.
    [[nodiscard]] bool find_place();
    /// It may be closed: nobody is about to send its first request.
    [[nodiscard]] bool idle() const;

  private:
    void take_place();
    void leave_place();

    std::string source_;
    bool evicted_ = false;
    clock::time_point waits_since_ = clock::now(); ///< for its first byte, or for the next request
    clock::time_point deadline_ = clock::time_point::max();
    clock::time_point accepted_at_ = clock::now();
    std::list<connection*>::iterator place_;
};

/// Address of the peer, as text; empty: it has gone.
[[nodiscard]] std::string address_of(const boost::asio::ip::tcp::socket& socket);
/// What is counted as one: an IPv4 address, also in its mapped form, or the first 64 bits of an IPv6 address.
[[nodiscard]] std::string source_of(const std::string& address);

/// `tls` empty: plain HTTP.
[[nodiscard]] std::unique_ptr<connection> make_connection(
    boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls, server_state& state,
    connection::purpose why, std::string source
);

} // namespace z360::http
