// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A client beside a server of ours, and a peer that plays a script.
#pragma once

#include "site.hpp"

#include <z360/http/client.hpp>

#include <memory>
#include <string>
#include <utility>

namespace z360::test {

using http::client;
using http::client_request;
using http::client_response;

struct client_site : site {
    std::unique_ptr<client> out;
    explicit client_site(std::size_t per_host = 64) : out(http::make_client(io.get_executor(), per_host)) {}
};

inline std::string url(std::uint16_t port, const std::string& path, const std::string& scheme = "http") {
    return scheme + "://127.0.0.1:" + std::to_string(port) + path;
}

inline client_request ask(std::string to, std::string method = "GET", std::string body = {}) {
    client_request r;
    r.method = std::move(method);
    r.url = std::move(to);
    r.body = std::move(body);
    return r;
}

/// One exchange as a child of a task group.
struct pending {
    client_response response;
    bool finished = false;
    bool cancelled = false;
};
inline awaitable<void> perform_into(client& c, client_request r, std::shared_ptr<pending> out) {
    try {
        out->response = co_await c.perform(std::move(r));
        out->finished = true;
    } catch (const boost::system::system_error& e) {
        out->cancelled = e.code() == asio::error::operation_aborted;
    }
}

/// A peer that plays a script: takes one connection, reads until it has a request, sends `bytes`, closes.
class scripted_peer {
  public:
    explicit scripted_peer(asio::any_io_executor ex)
        : acceptor_(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), tasks_(ex) {}
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void play(std::string bytes, bool read_first = true) {
        tasks_.spawn(serve(std::move(bytes), read_first));
    }
    awaitable<void> end() { co_await tasks_.join(); }
    std::string received;

  private:
    awaitable<void> serve(std::string bytes, bool read_first) {
        tcp::socket socket(acceptor_.get_executor());
        co_await acceptor_.async_accept(socket, asio::use_awaitable);
        std::array<char, 4096> chunk{};
        while (read_first && received.find("\r\n\r\n") == std::string::npos) {
            auto [ec, n] = co_await socket.async_read_some(asio::buffer(chunk), k_tuple);
            if (ec) co_return;
            received.append(chunk.data(), n);
        }
        (void)co_await asio::async_write(socket, asio::buffer(bytes), k_tuple);
        if (!read_first) co_await rt::sleep_for(1h); // holds the connection open, silently
    }
    tcp::acceptor acceptor_;
    rt::task_group tasks_;
};

} // namespace z360::test
