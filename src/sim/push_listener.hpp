// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A push service's door: TLS or clear text, HTTP/2 and, where wanted, HTTP/1.1. One loop.
#pragma once

#include "sim/push_protocol.hpp"
#include "sim/push_types.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace z360::sim {

/// What a service keeps of one connection; one for each.
class push_visitor {
  public:
    virtual ~push_visitor() = default;
    /// Judges a request, at once. Must not throw.
    [[nodiscard]] virtual push_exchange take(const push_request& r) = 0;
    /// How many streams it may have at once; asked at the start and after each answer.
    [[nodiscard]] virtual unsigned streams() const = 0;
};

struct push_listener_settings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;                         ///< 0: any free one
    std::shared_ptr<boost::asio::ssl::context> tls; ///< none: clear text
    bool http1 = false;                             ///< HTTP/1.1 too
    bool strict_http2 = true;                       ///< malformed requests are reset, as RFC 9113 has it
    std::size_t max_connections = 512;
    millis handshake_timeout{10'000};
    push_limits limits;
};

class push_listener {
  public:
    using door = std::function<std::unique_ptr<push_visitor>()>;
    push_listener(boost::asio::any_io_executor ex, push_listener_settings settings, door open);
    ~push_listener();
    push_listener(const push_listener&) = delete;
    push_listener& operator=(const push_listener&) = delete;

    /// Throws std::runtime_error that names address, port and reason.
    void start();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Ends every connection; before destruction.
    [[nodiscard]] rt::awaitable<void> stop();

  private:
    class connection;
    rt::awaitable<void> accept();
    rt::awaitable<void> serve(std::shared_ptr<connection> c);

    boost::asio::any_io_executor ex_;
    push_listener_settings settings_;
    door open_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::size_t connections_ = 0;
    std::uint64_t serial_ = 0;
    rt::task_group tasks_;
};

} // namespace z360::sim
