// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A client and a server of ours that exchange long bodies.
#pragma once

#include "byte_streams.hpp"
#include "client_site.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace z360::test {

/// GET /stream gives what `source` says; PUT and POST /keep take a body in.
struct long_body_site : client_site {
    source_state source;
    http::request kept;
    explicit long_body_site(std::uint64_t size = 0) {
        source.size = size;
        const auto give = [this](http::request) { return answer(); };
        const auto take = [this](http::request r) { return keep(std::move(r)); };
        more = {{"GET", "/stream", give}, {"PUT", "/keep", take}, {"POST", "/keep", take}};
        settings.max_body_bytes = 16 * k_mib;
    }
    awaitable<http::response> answer() {
        http::response r;
        r.stream = std::make_shared<pattern_source>(source);
        co_return r;
    }
    awaitable<http::response> keep(http::request r) {
        kept = std::move(r);
        co_return http::response::text(201, "kept");
    }
};

inline client_request download(std::string from, checking_sink& sink) {
    auto r = ask(std::move(from));
    r.download = &sink;
    r.timeout = 20s;
    return r;
}

inline client_request upload(std::string to, pattern_source& source, std::string method = "PUT") {
    auto r = ask(std::move(to), std::move(method));
    r.upload = &source;
    r.timeout = 20s;
    return r;
}

/// The exchange's exception as text; empty: none.
inline awaitable<std::string> failure_of(client& c, client_request r) {
    try {
        (void)co_await c.perform(std::move(r));
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return std::string();
}

/// The client is as good as before.
inline awaitable<void> expect_usable(client_site& s) {
    const client_response r = co_await s.out->perform(ask(url(s.port(), "/hello")));
    EXPECT_EQ(r.status, 200) << r.error;
    EXPECT_EQ(r.body, "hello");
}

/// Sends a head and then a piece at a time, with a pause before each; then says nothing more.
inline awaitable<void> drip(tcp::acceptor& at, std::uint64_t size, int pieces, rt::clock::duration pause) {
    wire w(at.get_executor());
    co_await at.async_accept(w.socket, asio::use_awaitable);
    const reply request = co_await w.receive(true);
    (void)request;
    co_await w.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    for (int i = 0; i < pieces; ++i) {
        co_await rt::sleep_for(pause);
        co_await w.send(patterned(static_cast<std::uint64_t>(i) * 1000, 1000));
    }
    co_await rt::sleep_for(1h);
}

/// A peer whose only connection drips.
struct dripping_peer {
    tcp::acceptor at;
    rt::task_group tasks;
    dripping_peer(long_body_site& s, std::uint64_t size, int pieces, rt::clock::duration pause)
        : at(s.io.get_executor(), tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          tasks(s.io.get_executor()) {
        tasks.spawn(drip(at, size, pieces, pause));
    }
    [[nodiscard]] std::string address() const { return url(at.local_endpoint().port(), "/"); }
};

} // namespace z360::test
