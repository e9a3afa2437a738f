// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/http/message.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace z360::http {

/// Takes a whole request, returns the response. An exception becomes 500 and a log line.
using handler = std::function<boost::asio::awaitable<response>(request)>;

/// One line of the route table. `pattern` is a path with `{name}` parts, e.g.
/// "/v2/calls/{id}/actions/bridge".
struct route {
    std::string method;
    std::string pattern;
    handler handle;
    bool reserved = false; ///< also from the places of server_settings::reserved_connections
};

/// Finds the route; 404 for an unknown path, 405 with Allow for a known path and another method. Pure.
class router {
  public:
    explicit router(std::vector<route> table);
    struct match {
        const route* found = nullptr;
        std::map<std::string, std::string, std::less<>> params;
        std::string allow; ///< comma-separated, when only the method is wrong
    };
    [[nodiscard]] match find(std::string_view method, std::string_view path) const;

  private:
    struct compiled;
    std::vector<std::shared_ptr<const compiled>> table_;
};

struct server_settings {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0; ///< 0: any free port; see server::port()
    bool reuse_port = true; ///< several processes may share the port (SO_REUSEPORT)
    std::string name =
        "http"; ///< of this listener, in the names of its loops; different for each of a process
    std::size_t max_connections = 2000;
    /// On top of max_connections: who finds no other place is read, and served if it asks for a reserved
    /// route. Whoever has waited longest there without a request makes room for the next.
    std::size_t reserved_connections = 0;
    /// Of max_connections, from one IPv4 address or one IPv6 /64; 0: no such limit.
    std::size_t max_connections_per_address = 0;
    std::function<bool(std::string_view address)> no_address_limit; ///< set: for whom it does not hold
    /// When three quarters of max_connections are taken: longest wait for a request, of who never sent one
    /// and of who asked for no reserved route.
    millis short_idle_timeout{5'000};
    std::size_t max_header_bytes = 16 * 1024;
    std::size_t max_body_bytes = 1024 * 1024;
    millis read_timeout{10'000};
    millis idle_timeout{60'000};
    millis write_timeout{10'000};
    std::string tls_certificate_file; ///< with tls_key_file: HTTPS, TLS ≥ 1.2, reloaded when the files change
    std::string tls_key_file;
};

/// HTTP/1.1 server on the caller's loop, with keep-alive and limits on everything. Not thread-safe: use it on
/// the thread that runs the executor. Malformed requests get 400 and a closed connection, oversized ones 413
/// or 431, connections beyond a cap 503.
class server {
  public:
    virtual ~server() = default;
    /// Binds and listens; throws std::runtime_error that names address, port and reason.
    virtual void start() = 0;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// A stop is near: from now on each response asks its client to close the connection; whoever comes, on a
    /// new one or an old one, is served as before. Idempotent.
    virtual void drain() = 0;
    /// Stops accepting, lets requests in progress finish within `limit`, then closes everything. A connection
    /// that was just made (in the last half second, or still in the kernel's queue) may send its first
    /// request; idle ones are closed at once. Idempotent.
    virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    [[nodiscard]] virtual std::size_t connections() const = 0;
    /// Days until the served certificate expires; nullopt without TLS.
    [[nodiscard]] virtual std::optional<double> certificate_days_left() const = 0;
    /// Its background loops: one accepts, one enforces deadlines, one watches the certificate.
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Makes a server that is not listening yet; `metrics` must outlive it.
[[nodiscard]] std::unique_ptr<server> make_server(
    boost::asio::any_io_executor ex, server_settings settings, std::vector<route> routes,
    port::metrics& metrics
);

} // namespace z360::http
