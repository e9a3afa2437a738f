// SPDX-License-Identifier: LicenseRef-z360-proprietary
// An HTTP/2 server on loopback that does as a test says, and writes down what it has seen: its view is the
// truth against which a client's outcomes are checked. One loop.
#pragma once

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace z360::test {

class h2_server;

/// A request as the server has it: complete, that is with END_STREAM.
struct h2_seen {
    std::string method, path, authority;
    std::vector<std::pair<std::string, std::string>> fields; ///< without pseudo headers
    std::string body;
    std::size_t peer = 0; ///< index of its connection
    std::int32_t stream = 0;

    [[nodiscard]] std::string get(std::string_view name) const {
        for (const auto& [n, v] : fields)
            if (n == name) return v;
        return {};
    }
};

/// One connection, as the server has it. Every method may be called after its end.
class h2_peer {
  public:
    using fields = std::vector<std::pair<std::string, std::string>>;
    virtual ~h2_peer() = default;
    virtual void respond(std::int32_t stream, int status, std::string body = {}, fields more = {}) = 0;
    /// Headers alone, not the last: a 1xx, or a reply whose body comes by more().
    virtual void begin_response(std::int32_t stream, int status, fields more = {}) = 0;
    virtual void trailers_after(std::int32_t stream, int status, std::string body, fields trailers) = 0;
    virtual void reset(std::int32_t stream, std::uint32_t code) = 0;
    virtual void settings(std::vector<std::pair<std::int32_t, std::uint32_t>> entries) = 0;
    /// GOAWAY; streams above `last` are forgotten, as the frame says.
    virtual void goaway(std::int32_t last, std::uint32_t code, std::string debug) = 0;
    virtual void shutdown_notice() = 0;
    virtual void raw(std::string bytes) = 0; ///< as they are
    virtual void drop() = 0;                 ///< the connection, without a word
    [[nodiscard]] virtual std::int32_t last_stream() const = 0;
    [[nodiscard]] virtual bool open() const = 0;
    std::size_t index = 0;
    bool deaf = false; ///< reads and throws away from now on
};

class h2_server {
  public:
    /// How it behaves towards those who connect.
    enum class manner { proper, silent_tcp, never_settings, garbage, raw };

    /// TLS if a certificate is given.
    explicit h2_server(
        boost::asio::any_io_executor ex, const std::string& certificate = {}, const std::string& key = {}
    );
    ~h2_server();
    void start();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Ends everything; before destruction.
    [[nodiscard]] boost::asio::awaitable<void> stop();
    /// No longer listens; connections stay.
    void refuse();

    manner how = manner::proper;
    std::string raw_bytes; ///< of manner::raw, after the client's preface
    std::uint32_t max_streams = 1000;
    std::uint32_t initial_window = 65'535;
    std::uint32_t header_list = 0; ///< SETTINGS_MAX_HEADER_LIST_SIZE; 0: none
    bool alpn = true;
    bool keep_requests = true; ///< writes down what it sees; a benchmark does without
    /// Each complete request; default: 200 with the body "ok".
    std::function<void(h2_peer&, const h2_seen&)> on_request;
    std::function<void(h2_peer&)> on_open;

    std::vector<h2_seen> seen;
    std::vector<std::shared_ptr<h2_peer>> peers; ///< in the order of coming, those that have gone too
    std::map<unsigned, unsigned> frames;         ///< from clients, by type
    std::map<std::string, unsigned> times;       ///< how often a path was seen complete
    std::vector<std::string> names;              ///< SNI of each handshake; empty: none
    std::size_t most_open = 0;                   ///< streams at once on one connection
    unsigned accepted = 0;
    [[nodiscard]] std::size_t open_peers() const;

  private:
    class session;
    friend class session;
    boost::asio::awaitable<void> accept();

    boost::asio::any_io_executor ex_;
    std::shared_ptr<boost::asio::ssl::context> tls_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    rt::task_group tasks_;
};

/// A proxy that knows CONNECT. Always connects to 127.0.0.1, whatever the name.
class connect_proxy {
  public:
    explicit connect_proxy(boost::asio::any_io_executor ex);
    void start();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] boost::asio::awaitable<void> stop();

    std::string wants;              ///< value of Proxy-Authorization; else 407
    bool mute = false;              ///< never answers
    bool chatty = false;            ///< answers something that is not HTTP
    std::vector<std::string> heads; ///< of requests

  private:
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(std::shared_ptr<boost::asio::ip::tcp::socket> from);
    boost::asio::awaitable<void> pass(
        std::shared_ptr<boost::asio::ip::tcp::socket> from, std::shared_ptr<boost::asio::ip::tcp::socket> to
    );
    boost::asio::any_io_executor ex_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    rt::task_group tasks_;
};

} // namespace z360::test
