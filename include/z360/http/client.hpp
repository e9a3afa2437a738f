// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/http/message.hpp>
#include <z360/port/byte_stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace z360::http {

/// One outgoing request.
struct client_request {
    std::string method = "GET";
    std::string url;
    http::headers headers;
    secret bearer; ///< sent as `Authorization: Bearer …` when not empty; never logged
    std::string body;
    millis connect_timeout{1'000};
    millis timeout{3'000}; ///< whole exchange
    /// Set: sent as the body, in place of `body`, with its size as Content-Length. Outlives the exchange.
    port::byte_source* upload = nullptr;
    /// Set: takes the body of a 2xx answer, which is not in the response then and may be of any length;
    /// other answers are as usual. Outlives the exchange.
    port::byte_sink* download = nullptr;
    /// With `upload` or `download`: the exchange ends when not a byte has moved for so long. Time that our
    /// own side takes for a piece does not count.
    millis stall_timeout{30'000};
};

/// What came back. `status` 0: no HTTP answer; `error` says why. `sent` false: the request certainly did not
/// reach the peer (refused, name not found), so nothing can have happened there.
struct client_response {
    int status = 0;
    http::headers headers;
    std::string body;
    std::string error;
    bool sent = true;
};

/// Outgoing HTTP on the caller's loop over libcurl's multi interface: connection reuse, HTTP/2 where the peer
/// speaks it, TLS verification always on. Cancelling the awaiting coroutine aborts the transfer. Not
/// thread-safe.
class client {
  public:
    virtual ~client() = default;
    /// Never throws for what the network or the peer does. Bodies beyond 8 MiB are an error, but for one that
    /// is downloaded: what its sink or source throws ends the exchange and is thrown on.
    virtual boost::asio::awaitable<client_response> perform(client_request req) = 0;
};

/// `ca_file`: PEM file of the certificate authorities to trust; empty: the system's. Destroying the client
/// ends transfers in flight with an error.
[[nodiscard]] std::unique_ptr<client> make_client(
    boost::asio::any_io_executor ex, std::size_t max_connections_per_host = 64, std::string ca_file = {}
);

} // namespace z360::http
