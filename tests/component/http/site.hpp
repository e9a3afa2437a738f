// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A server on loopback and raw connections to it, for tests that look at bytes.
#pragma once

#include "support/recording_metrics.hpp"

#include <z360/http/server.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace z360::test {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto k_tuple = asio::as_tuple(asio::use_awaitable);

/// A response as it came over the wire. status 0: the peer closed without one.
struct reply {
    int status = 0;
    std::string head;
    std::string body;

    [[nodiscard]] bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
    [[nodiscard]] bool is_problem(std::string_view code) const {
        return has("application/problem+json") &&
               body.find("\"code\":\"" + std::string(code) + "\"") != std::string::npos;
    }
};

/// Reads one response with a Content-Length from any stream; `rest` keeps what follows it.
template <class Stream>
awaitable<reply> read_reply(Stream& stream, std::string& rest, bool without_body = false) {
    reply out;
    std::array<char, 4096> chunk{};
    std::size_t end = std::string::npos;
    while ((end = rest.find("\r\n\r\n")) == std::string::npos) {
        auto [ec, n] = co_await stream.async_read_some(asio::buffer(chunk), k_tuple);
        if (ec) co_return out;
        rest.append(chunk.data(), n);
    }
    out.head = rest.substr(0, end + 4);
    rest.erase(0, end + 4);
    out.status = std::atoi(out.head.c_str() + 9);
    std::size_t length = 0;
    if (const auto at = out.head.find("Content-Length: "); at != std::string::npos)
        length = std::strtoul(out.head.c_str() + at + 16, nullptr, 10);
    if (without_body) length = 0;
    while (rest.size() < length) {
        auto [ec, n] = co_await stream.async_read_some(asio::buffer(chunk), k_tuple);
        if (ec) co_return out;
        rest.append(chunk.data(), n);
    }
    out.body = rest.substr(0, length);
    rest.erase(0, length);
    co_return out;
}

/// One raw client connection.
class wire {
  public:
    explicit wire(asio::any_io_executor ex) : socket(std::move(ex)) {}
    awaitable<void> connect(std::uint16_t port) {
        const tcp::endpoint at(asio::ip::address_v4::loopback(), port);
        co_await socket.async_connect(at, asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
    }
    awaitable<void> send(std::string bytes) {
        (void)co_await asio::async_write(socket, asio::buffer(bytes), k_tuple);
    }
    awaitable<reply> receive(bool without_body = false) {
        reply r = co_await read_reply(socket, rest, without_body);
        co_return r;
    }
    awaitable<reply> ask(std::string bytes) {
        co_await send(std::move(bytes));
        reply r = co_await receive();
        co_return r;
    }
    /// True: the server closed (end of stream or reset) and sent nothing more before.
    awaitable<bool> closed() {
        std::array<char, 16> chunk{};
        auto [ec, n] = co_await socket.async_read_some(asio::buffer(chunk), k_tuple);
        (void)n;
        co_return ec&& rest.empty();
    }
    tcp::socket socket;
    std::string rest;
};

inline std::string get(std::string path, std::string more = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: test\r\n" + more + "\r\n";
}
inline std::string post(std::string path, std::string body) {
    return "POST " + path + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

inline awaitable<http::response> say_hello(http::request) {
    co_return http::response::text(200, "hello");
}
inline awaitable<http::response> echo(http::request req) {
    auto r = http::response::text(200, std::move(req.body));
    r.headers.add("X-Path", req.path);
    r.headers.add("X-Query", req.query);
    r.headers.add("X-Remote", req.remote_address);
    r.headers.add("X-Auth", std::string(req.headers.get("Authorization")));
    r.headers.add("X-Type", std::string(req.headers.get("Content-Type")));
    for (const auto& [name, value] : req.params)
        r.headers.add("X-Param-" + name, value);
    co_return r;
}
inline awaitable<http::response> fail(http::request) {
    throw std::runtime_error("handler broke");
    co_return http::response{};
}

/// A server with its loop and metrics. `run` starts it, runs the scenario, stops it.
class site {
  public:
    http::server_settings settings;
    recording_metrics metrics;
    asio::io_context io{1};
    std::unique_ptr<http::server> server;
    rt::event gate{io.get_executor()};    ///< what /wait waits for
    rt::event entered{io.get_executor()}; ///< set when /wait was entered
    int hits = 0;
    millis stop_limit{2'000};
    std::vector<http::route> more; ///< routes of the test's own

    site() {
        settings.read_timeout = 5s;
        settings.idle_timeout = 5s;
        settings.write_timeout = 5s;
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    void run(awaitable<void> scenario) {
        server = http::make_server(io.get_executor(), settings, routes(), metrics);
        std::exception_ptr error;
        bool finished = false;
        asio::co_spawn(io, whole(std::move(scenario)), [&](std::exception_ptr e) {
            error = e;
            finished = true;
        });
        io.run_for(30s);
        ASSERT_TRUE(finished) << "the scenario hangs";
        if (error) std::rethrow_exception(error);
        ASSERT_TRUE(io.stopped()) << "work is left on the loop after stop()";
        ASSERT_EQ(server->connections(), 0U);
    }

  private:
    awaitable<void> whole(awaitable<void> scenario) {
        server->start();
        std::exception_ptr error;
        try {
            co_await std::move(scenario);
        } catch (...) {
            error = std::current_exception();
        }
        co_await server->stop(stop_limit);
        if (error) std::rethrow_exception(error);
    }
    awaitable<http::response> wait(http::request) {
        ++hits;
        entered.set();
        co_await gate.wait();
        co_return http::response::text(200, "waited");
    }
    std::vector<http::route> routes() {
        const auto hold = [this](http::request r) { return wait(std::move(r)); };
        const auto count = [this](http::request r) {
            ++hits;
            return say_hello(std::move(r));
        };
        const auto large = [](http::request) { return send_large(); };
        std::vector<http::route> all{
            {"GET", "/hello", &say_hello},  {"POST", "/echo", &echo},          {"PUT", "/echo", &echo},
            {"GET", "/echo/{name}", &echo}, {"DELETE", "/echo/{name}", &echo}, {"GET", "/fail", &fail},
            {"GET", "/wait", hold},         {"GET", "/large", large},          {"POST", "/hook", &echo, true},
            {"POST", "/hold", hold, true},  {"GET", "/count", count},
        };
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    static awaitable<http::response> send_large() {
        co_return http::response::text(200, std::string(3 * 1024 * 1024, 'L'));
    }
};

/// Waits until `condition()` holds; false after ten seconds.
template <class F>
awaitable<bool> eventually(F condition) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) co_return false;
        co_await rt::sleep_for(2ms);
    }
    co_return true;
}

} // namespace z360::test
