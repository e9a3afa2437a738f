// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "support.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <list>
#include <memory>
#include <optional>

namespace z360::adapter::redis::test {

/// Speaks Redis' protocol by script: `answer` gets a command's words and returns the bytes to send; none:
/// nothing is sent. PING is answered by itself unless `greet` is off.
class resp_server {
  public:
    using script = std::function<std::string(const std::vector<std::string>&)>;

    explicit resp_server(asio::any_io_executor ex)
        : tasks_(ex), acceptor_(ex, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        port = acceptor_.local_endpoint().port();
        tasks_.spawn(accept());
    }

    awaitable<void> stop() {
        acceptor_.close();
        drop_all();
        co_await tasks_.join();
    }
    void drop_all() {
        for (auto& s : sockets_) {
            boost::system::error_code ec;
            (void)s->close(ec);
        }
        sockets_.clear();
    }
    /// Bytes nobody asked for, to every connection.
    awaitable<void> say(std::string bytes) {
        for (auto& s : sockets_)
            co_await asio::async_write(*s, asio::buffer(bytes), asio::use_awaitable);
    }

    script answer;
    bool greet = true;
    unsigned connections = 0;
    std::uint16_t port = 0;
    std::vector<std::vector<std::string>> seen;

  private:
    using socket = asio::ip::tcp::socket;

    awaitable<void> accept() {
        for (;;) {
            auto s = std::make_shared<socket>(co_await acceptor_.async_accept(asio::use_awaitable));
            ++connections;
            sockets_.push_back(s);
            tasks_.spawn(serve(s));
        }
    }
    awaitable<void> serve(std::shared_ptr<socket> s) {
        std::string buffer;
        char chunk[4096];
        for (;;) {
            boost::system::error_code ec;
            const auto n = co_await s->async_read_some(
                asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec)
            );
            if (ec) co_return;
            buffer.append(chunk, n);
            while (auto command = take(buffer)) {
                seen.push_back(*command);
                std::string out;
                if (greet && command->front() == "PING")
                    out = "+PONG\r\n";
                else if (answer)
                    out = answer(*command);
                if (out == "close") {
                    (void)s->close(ec);
                    co_return;
                }
                if (!out.empty())
                    co_await asio::async_write(
                        *s, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec)
                    );
                if (ec) co_return;
            }
        }
    }
    // One complete command off the front: *N then N times $length data.
    static std::optional<std::vector<std::string>> take(std::string& buffer) {
        std::size_t at = 0;
        const auto number = [&](char kind) -> std::optional<std::size_t> {
            const auto end = buffer.find("\r\n", at);
            if (end == std::string::npos) return std::nullopt;
            EXPECT_EQ(buffer[at], kind);
            const auto n = static_cast<std::size_t>(std::strtoul(buffer.c_str() + at + 1, nullptr, 10));
            at = end + 2;
            return n;
        };
        const auto count = number('*');
        if (!count) return std::nullopt;
        std::vector<std::string> out;
        for (std::size_t i = 0; i < *count; ++i) {
            const auto size = number('$');
            if (!size || buffer.size() < at + *size + 2) return std::nullopt;
            out.push_back(buffer.substr(at, *size));
            at += *size + 2;
        }
        buffer.erase(0, at);
        return out;
    }

    rt::task_group tasks_;
    asio::ip::tcp::acceptor acceptor_;
    std::list<std::shared_ptr<socket>> sockets_;
};

} // namespace z360::adapter::redis::test
