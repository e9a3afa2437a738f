// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "support/s3_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <utility>

namespace z360::testing {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
constexpr auto k_tuple = asio::as_tuple(asio::use_awaitable);

http::request read_head(const std::string& text) {
    http::request r;
    std::istringstream in(text);
    in >> r.method >> r.target;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line) && line != "\r") {
        line.pop_back();
        const auto colon = line.find(':');
        const auto value = line.find_first_not_of(' ', colon + 1);
        r.headers.add(line.substr(0, colon), value == std::string::npos ? std::string() : line.substr(value));
    }
    return r;
}

std::string text_of(const http::response& r, const std::string& method) {
    std::string out =
        "HTTP/1.1 " + std::to_string(r.status) + " " + std::string(http::reason(r.status)) + "\r\n";
    for (const auto& [name, value] : r.headers.items())
        out += name + ": " + value + "\r\n";
    if (r.status != 204) out += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
    out += "\r\n";
    return method == "HEAD" ? out : out + r.body;
}

} // namespace

s3_server::s3_server(asio::any_io_executor ex, s3_desk& desk)
    : desk_(desk), acceptor_(ex, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()), tasks_(ex) {
    tasks_.spawn(accept());
}

awaitable<void> s3_server::stop() {
    co_await tasks_.join();
}

awaitable<void> s3_server::accept() {
    while (true) {
        auto socket = std::make_shared<tcp::socket>(acceptor_.get_executor());
        auto [ec] = co_await acceptor_.async_accept(*socket, k_tuple);
        if (ec) co_return;
        tasks_.spawn(serve(std::move(socket)));
    }
}

awaitable<void> s3_server::serve(std::shared_ptr<tcp::socket> socket) {
    std::string buffered;
    while (true) {
        auto [no_head, end] =
            co_await asio::async_read_until(*socket, asio::dynamic_buffer(buffered), "\r\n\r\n", k_tuple);
        if (no_head) co_return;
        http::request r = read_head(buffered.substr(0, end));
        buffered.erase(0, end);
        const auto length = std::strtoul(std::string(r.headers.get("Content-Length")).c_str(), nullptr, 10);
        if (buffered.size() < length) {
            const auto missing = asio::transfer_exactly(length - buffered.size());
            auto [no_body, n] =
                co_await asio::async_read(*socket, asio::dynamic_buffer(buffered), missing, k_tuple);
            if (no_body) co_return;
        }
        r.body = buffered.substr(0, length);
        buffered.erase(0, length);
        const auto out = desk_.answer(r);
        if (out.lose_answer) co_return;
        if (out.stall) co_await rt::sleep_for(std::chrono::hours(1));
        const std::string text = text_of(out.response, r.method);
        auto [ec, n] = co_await asio::async_write(*socket, asio::buffer(text), k_tuple);
        if (ec) co_return;
    }
}

} // namespace z360::testing
