// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Outgoing HTTP/2 to one origin that takes very many requests and must not take one twice: whoever asks
// learns whether a request without an answer was certainly not processed, or whether nobody knows.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/http/message.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace z360::http::h2 {

/// A request's header. Names in lower case.
struct field {
    std::string name;
    std::string value;
    bool indexed =
        true; ///< false: never enters a compression table (what differs every time, what is secret)
};

/// Lower goes first; within one class first come, first served.
inline constexpr unsigned k_classes = 8;

/// One request.
struct request {
    std::string method = "POST";
    std::string path = "/"; ///< may hold a token: never logged
    std::vector<field> fields;
    secret bearer; ///< sent as `authorization: bearer …` when not empty; never logged, never indexed
    std::string body;
    unsigned priority = 0;  ///< class, below k_classes; above counts as the last
    millis timeout{10'000}; ///< from now to the answer, waiting included
};

/// What became of a request.
enum class outcome : std::uint8_t {
    replied,       ///< the status is the server's
    not_processed, ///< the server has never had the whole request, or says that it did nothing: send again
    unknown        ///< it was sent and no answer came: it may have taken effect
};

/// Why there is no reply.
enum class cause : std::uint8_t {
    none,              ///< there is one
    bad_request,       ///< cannot be sent as it is: a header or path with what HTTP forbids
    headers_too_large, ///< beyond what the server takes (its SETTINGS)
    line_full,         ///< too many wait, of the same class or more urgent
    stopping,          ///< the pool is being stopped
    timeout,           ///< no answer within the request's time
    connect_failed,    ///< no connection within the request's time
    refused,           ///< REFUSED_STREAM
    goaway,            ///< sent after what the server's GOAWAY still takes
    reset,             ///< the server reset the stream
    silent,            ///< the connection answered no PING
    lost,              ///< the connection ended
    protocol,          ///< the server broke HTTP/2, or a limit of ours
    drained            ///< its connection was given up after its time to finish
};
/// Snake case, for logs and metrics.
[[nodiscard]] std::string_view name(cause c);
/// Snake case, for logs and metrics.
[[nodiscard]] std::string_view name(outcome o);

/// What came of one request.
struct result {
    outcome what = outcome::unknown;
    cause why = cause::none;
    int status = 0; ///< 0 without a reply
    http::headers headers;
    std::string body;
    bool truncated = false; ///< headers or body were larger than the limit; what follows was thrown away
    std::uint64_t connection = 0; ///< which one it was sent on, for pool::retire; 0: none
};

/// A server says that it ends a connection.
struct goaway {
    std::uint32_t code = 0; ///< RFC 9113 section 7; 0: no error
    std::string debug;      ///< its debug data, at most 1 KiB, what is not printable ASCII replaced by '?'
    std::uint64_t connection = 0;
};

/// One origin with one credential. Times are of rt::clock.
struct pool_settings {
    std::string name = "http2"; ///< label of metrics and log lines: snake case, one for each pool
    std::string host;
    std::uint16_t port = 443;
    bool tls = true;     ///< false: clear text with prior knowledge
    std::string ca_file; ///< PEM file of the authorities to trust; empty: the system's
    secret proxy; ///< [http://][user[:password]@]host[:port], as libcurl takes it; empty: none. CONNECT

    std::size_t max_connections = 4; ///< besides those that only finish what they have
    std::size_t kept_open = 0;       ///< this many are open even if nobody asks
    std::size_t max_streams = 1'000; ///< at once on one connection, if its server allows as many
    std::size_t max_waiting = 20'000;
    std::size_t max_body_bytes = 64 * 1024;   ///< of a reply
    std::size_t max_header_bytes = 16 * 1024; ///< of a reply, as SETTINGS_MAX_HEADER_LIST_SIZE counts
    std::size_t max_lingering =
        100; ///< streams whose requests were answered or given up; above: a new connection

    millis connect_timeout{5'000}; ///< name, TCP and proxy; each address gets its share
    millis tls_timeout{5'000};
    millis settings_timeout{5'000}; ///< until the server's SETTINGS
    millis patience{2'000};         ///< a request without an answer for so long: PING
    millis ping_timeout{1'000};     ///< then the connection is dead
    millis idle_ping{3'600'000};    ///< PING after so long without any
    millis drain_limit{30'000};     ///< for the streams of a connection that takes no new ones

    millis first_pause{200}; ///< after a connection that came to nothing; doubles, with chance
    millis longest_pause{60'000};
    double connects_per_second = 1; ///< on average, whatever the servers do
    unsigned connect_burst = 8;     ///< after a rest
    unsigned max_requeues = 10;     ///< of one request, for what was certainly not processed

    /// Set: a connection has one stream at a time until a reply that this accepts.
    std::function<bool(const result&)> accepts;
    /// Reasons worth a label of their own in `http2_goaways_total`: looked for as "word" in the debug data.
    std::vector<std::string> known_reasons;
    std::function<void(const goaway&)> on_goaway; ///< must not throw
};

/// Connections to one origin with one credential, one waiting line before them. Not thread-safe: all on the
/// executor's loop. Outlives those who wait in perform().
class pool {
  public:
    virtual ~pool() = default;
    /// Never throws for what network and server do. When cancelled it leaves the line, or gives its stream up
    /// without a reset, and throws operation_aborted.
    [[nodiscard]] virtual boost::asio::awaitable<result> perform(request r) = 0;
    /// That connection gets no new request and ends with its last stream. Unknown ids are passed over.
    virtual void retire(std::uint64_t connection) = 0;
    /// Answers those who wait, lets streams finish within `limit`, closes everything. Once, before
    /// destruction.
    [[nodiscard]] virtual boost::asio::awaitable<void> stop(millis limit) = 0;

    /// What it holds at the moment.
    struct figures {
        std::size_t connections = 0; ///< ready, those that only finish included
        std::size_t connecting = 0;
        std::size_t streams = 0;
        std::size_t waiting = 0;
    };
    [[nodiscard]] virtual figures now() const = 0;
};

/// Throws std::runtime_error that names what is wrong with the settings: no host, a CA file that cannot be
/// read, a proxy that is none.
[[nodiscard]] std::unique_ptr<pool>
make_pool(boost::asio::any_io_executor ex, pool_settings settings, port::metrics& metrics);

} // namespace z360::http::h2
