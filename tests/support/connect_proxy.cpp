// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/h2_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace z360::test {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);

} // namespace

connect_proxy::connect_proxy(asio::any_io_executor ex)
    : ex_(ex), acceptor_(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), tasks_(ex) {
    port_ = acceptor_.local_endpoint().port();
}

void connect_proxy::start() {
    tasks_.spawn(accept());
}

awaitable<void> connect_proxy::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    co_await tasks_.join();
}

awaitable<void> connect_proxy::accept() {
    while (true) {
        auto [ec, socket] = co_await acceptor_.async_accept(k_token);
        if (ec) co_return;
        tasks_.spawn(serve(std::make_shared<tcp::socket>(std::move(socket))));
    }
}

awaitable<void> connect_proxy::serve(std::shared_ptr<tcp::socket> from) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
        char c = 0;
        auto [ec, n] = co_await asio::async_read(*from, asio::buffer(&c, 1), k_token);
        if (ec || n == 0) co_return;
        head.push_back(c);
    }
    heads.push_back(head);
    if (mute) co_await rt::sleep_for(1h);
    std::string reply = "HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n";
    const bool allowed =
        wants.empty() || head.find("Proxy-Authorization: " + wants + "\r\n") != std::string::npos;
    if (!allowed) reply = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
    if (chatty) reply = "220 mail.example ESMTP\r\n\r\n";
    (void)co_await asio::async_write(*from, asio::buffer(reply), k_token);
    if (!allowed || chatty) co_return;
    const auto colon = head.find(':', 8);
    const auto port = static_cast<std::uint16_t>(std::stoi(head.substr(colon + 1)));
    auto to = std::make_shared<tcp::socket>(ex_);
    auto [ec] = co_await to->async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), k_token);
    if (ec) co_return;
    tasks_.spawn(pass(to, from));
    co_await pass(from, to);
}

awaitable<void> connect_proxy::pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
    std::array<char, 16384> room{};
    while (true) {
        auto [ec, n] = co_await from->async_read_some(asio::buffer(room), k_token);
        if (ec) break;
        auto [failed, written] = co_await asio::async_write(*to, asio::buffer(room.data(), n), k_token);
        (void)written;
        if (failed) break;
    }
    error_code ignored;
    from->close(ignored);
    to->close(ignored);
}

} // namespace z360::test
