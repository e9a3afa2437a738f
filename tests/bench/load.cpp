// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "bench/load.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace z360::bench {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;

struct shared {
    const std::vector<std::string>& requests;
    double per_second;
    steady::time_point start;
    std::size_t next = 0;
    load_result out;
};

// Reads one response; its status.
asio::awaitable<int> read_response(asio::ip::tcp::socket& socket, std::string& buffer) {
    const auto head =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n", use_awaitable);
    const std::string_view text(buffer.data(), head);
    const int status = std::atoi(buffer.c_str() + 9);
    std::size_t length = 0;
    for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
        const auto at = text.find(name);
        if (at == std::string_view::npos) continue;
        std::from_chars(text.data() + at + name.size(), text.data() + text.size(), length);
    }
    if (buffer.size() < head + length)
        co_await asio::async_read(
            socket, asio::dynamic_buffer(buffer), asio::transfer_exactly(head + length - buffer.size()),
            use_awaitable
        );
    buffer.erase(0, head + length);
    co_return status;
}

asio::awaitable<void> connection(shared* s, std::uint16_t port) {
    auto ex = co_await asio::this_coro::executor;
    asio::ip::tcp::socket socket(ex);
    const asio::ip::tcp::endpoint where(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(where, use_awaitable);
    socket.set_option(asio::ip::tcp::no_delay(true));
    std::string buffer;
    asio::steady_timer timer(ex);
    while (s->next < s->requests.size()) {
        const auto mine = s->next++;
        auto due = steady::now();
        if (s->per_second > 0) {
            due = s->start + std::chrono::duration_cast<steady::duration>(
                                 std::chrono::duration<double>(static_cast<double>(mine) / s->per_second)
                             );
            timer.expires_at(due);
            co_await timer.async_wait(use_awaitable);
        }
        co_await asio::async_write(socket, asio::buffer(s->requests[mine]), use_awaitable);
        const int status = co_await read_response(socket, buffer);
        const auto took = std::chrono::duration<double, std::milli>(steady::now() - due).count();
        s->out.latency_ms.add(took);
        if (status == 200) s->out.each[mine] = took;
        if (status == 200)
            ++s->out.ok;
        else
            ++s->out.failed;
    }
}

} // namespace

load_result run_load(
    std::uint16_t port, const std::vector<std::string>& requests, unsigned connections, double per_second
) {
    asio::io_context io{1};
    shared s{requests, per_second, steady::now(), 0, {}};
    s.out.each.assign(requests.size(), -1);
    for (unsigned i = 0; i < connections; ++i)
        asio::co_spawn(io, connection(&s, port), [&s](const std::exception_ptr& e) {
            if (e) ++s.out.failed;
        });
    io.run();
    s.out.seconds = std::chrono::duration<double>(steady::now() - s.start).count();
    return std::move(s.out);
}

} // namespace z360::bench
