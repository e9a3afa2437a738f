// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/dial.hpp"

#include <z360/rt/sync.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <memory>
#include <utility>
#include <vector>

namespace z360::adapter::http2 {
namespace {

using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_longest_proxy_head = 8 * 1024;
constexpr int k_unsent = 128 * 1024; ///< in the kernel: what is urgent does not wait behind megabytes

/// A look-up under way. It cannot be interrupted (getaddrinfo), so whoever waits goes without it: the handler
/// keeps it, and finds nobody.
struct lookup {
    explicit lookup(const asio::any_io_executor& ex) : resolver(ex) {}
    tcp::resolver resolver;
    std::vector<tcp::endpoint> found;
    error_code error;
    bool done = false;
    rt::event* waiting = nullptr;
};

void begin(const std::shared_ptr<lookup>& l, const std::string& host, std::uint16_t port) {
    l->resolver.async_resolve(
        host, std::to_string(port), tcp::resolver::numeric_service,
        [l](error_code ec, const tcp::resolver::results_type& results) {
            for (const auto& r : results)
                l->found.push_back(r.endpoint());
            l->error = ec;
            l->done = true;
            if (l->waiting != nullptr) l->waiting->set();
        }
    );
}

/// Takes itself out of the look-up however the coroutine ends.
struct seat {
    seat(lookup& l, rt::event& wake) : of(l) { of.waiting = &wake; }
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() { of.waiting = nullptr; }
    lookup& of;
};

awaitable<dialed>
resolve(std::string host, std::uint16_t port, moment until, std::vector<tcp::endpoint>* out) {
    error_code literal;
    const auto address = asio::ip::make_address(host, literal);
    dialed r;
    if (!literal) {
        out->emplace_back(address, port);
        co_return r;
    }
    auto ex = co_await asio::this_coro::executor;
    const auto l = std::make_shared<lookup>(ex);
    rt::event wake(ex);
    const seat mine(*l, wake);
    begin(l, host, port);
    while (!l->done && rt::clock::now() < until)
        (void)co_await wake.wait_for(until - rt::clock::now());
    *out = l->found;
    if (out->empty()) {
        r.what = "resolve_failed";
        r.error = host + ": " + (l->done ? l->error.message() : "the name server did not answer in time");
    }
    co_return r;
}

awaitable<error_code> connect_one(tcp::socket& socket, tcp::endpoint to) {
    auto [ec] = co_await socket.async_connect(to, k_token);
    co_return ec;
}

void tune(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &k_unsent, sizeof k_unsent);
}

awaitable<dialed> connect_any(tcp::socket& socket, std::vector<tcp::endpoint> to, moment until) {
    dialed r;
    r.what = "connect_timeout";
    r.error = "no time was left";
    for (std::size_t i = 0; i < to.size(); ++i) {
        const auto left = until - rt::clock::now();
        if (left <= duration::zero()) break;
        error_code ignored;
        socket.close(ignored);
        const auto share = left / static_cast<duration::rep>(to.size() - i);
        const auto ec = co_await rt::with_timeout(connect_one(socket, to[i]), share);
        if (ec && !*ec) {
            tune(socket);
            r.what = "ok";
            r.error.clear();
            co_return r;
        }
        const bool late = !ec || *ec == asio::error::operation_aborted;
        r.what = late ? "connect_timeout" : "connect_failed";
        r.error = to[i].address().to_string() + ": " + (late ? "no answer in time" : ec->message());
    }
    error_code ignored;
    socket.close(ignored);
    co_return r;
}

/// Nothing may be read beyond the head: what follows belongs to TLS, or to HTTP/2.
awaitable<std::string> read_head(tcp::socket& socket) {
    std::string head;
    while (!head.ends_with("\r\n\r\n") && head.size() < k_longest_proxy_head) {
        char c = 0;
        auto [ec, n] = co_await asio::async_read(socket, asio::buffer(&c, 1), k_token);
        if (ec || n == 0) break;
        head.push_back(c);
    }
    co_return head;
}

awaitable<dialed> ask_proxy(tcp::socket& socket, secret request) {
    dialed r;
    r.what = "proxy_failed";
    const auto text = request.reveal();
    auto [ec, n] = co_await asio::async_write(socket, asio::buffer(text.data(), text.size()), k_token);
    (void)n;
    const std::string head = co_await read_head(socket);
    const auto status = status_of(head);
    if (ec || head.empty()) {
        r.error = "the proxy closed the connection";
    } else if (!status || !head.ends_with("\r\n\r\n")) {
        r.error = "the proxy answered something that is not HTTP/1";
    } else if (*status < 200 || *status > 299) {
        r.error = "the proxy answered " + std::to_string(*status);
    } else {
        r.what = "ok";
    }
    co_return r;
}

} // namespace

awaitable<dialed> dial(tcp::socket& socket, const route& to, moment until) {
    std::vector<tcp::endpoint> addresses;
    const std::string host = to.via ? to.via->host : to.host;
    const std::uint16_t port = to.via ? to.via->port : to.port;
    dialed r = co_await resolve(host, port, until, &addresses);
    if (!r.ok()) co_return r;
    r = co_await connect_any(socket, std::move(addresses), until);
    if (!r.ok() || !to.via) co_return r;
    auto answered = co_await rt::with_timeout(
        ask_proxy(socket, connect_request(*to.via, to.host, to.port)), until - rt::clock::now()
    );
    if (answered && rt::clock::now() < until) co_return std::move(*answered);
    r.what = "proxy_failed";
    r.error = "the proxy did not answer in time";
    co_return r;
}

} // namespace z360::adapter::http2
