// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/push_listener.hpp"

#include <z360/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <openssl/ssl.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace z360::sim {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using rt::awaitable;

namespace {

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);

// "h2", then "http/1.1", each after its length.
constexpr std::array<unsigned char, 12> k_both{2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::array<unsigned char, 3> k_h2{2, 'h', '2'};

template <const auto& Ours>
int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned n, void*) {
    unsigned char* chosen = nullptr;
    const auto what = SSL_select_next_proto(&chosen, size, Ours.data(), Ours.size(), in, n);
    if (what != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

class push_listener::connection {
  public:
    connection(push_listener& of, tcp::socket socket, std::uint64_t serial)
        : of_(of), socket_(std::move(socket)), visitor_(of.open_()), wake_(of.ex_), tasks_(of.ex_),
          serial_(serial) {}

    awaitable<void> run() {
        try {
            co_await live();
        } catch (const boost::system::system_error&) { // cancelled
        } catch (const std::exception& e) {
            log::warn("push_connection_failed", {{"error", e.what()}});
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        close();
        co_await tasks_.join();
    }

  private:
    awaitable<void> live() {
        error_code ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        if (of_.settings_.tls) {
            tls_.emplace(socket_, *of_.settings_.tls);
            const auto done = co_await rt::with_timeout(shake_hands(), of_.settings_.handshake_timeout);
            if (!done || !*done) co_return;
        }
        std::vector<char> room(16 * 1024);
        std::string first;
        while (!closed_) {
            const auto n = co_await read(asio::buffer(room));
            if (n == 0) co_return;
            std::string_view bytes(room.data(), n);
            if (!protocol_) {
                first.append(bytes);
                if (first.size() < 3) continue;
                if (!begin(first)) co_return;
                bytes = first;
            }
            const bool fine = protocol_->feed(bytes);
            take_requests();
            wake_.set();
            if (!fine) co_return co_await linger();
        }
    }
    awaitable<bool> shake_hands() {
        auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, k_token);
        co_return !ec;
    }
    bool begin(std::string_view first) {
        const bool h2 = begins_http2(first);
        if (!h2 && !of_.settings_.http1) return false;
        protocol_ = h2 ? make_http2(of_.settings_.limits, visitor_->streams(), of_.settings_.strict_http2)
                       : make_http1(of_.settings_.limits);
        tasks_.spawn(write_loop());
        return true;
    }
    /// What is still to be said is said; whoever does not read it is not waited for long.
    awaitable<void> linger() {
        ending_ = true;
        wake_.set();
        (void)co_await tasks_.drain(std::chrono::seconds{2});
    }
    /// 0: the end.
    awaitable<std::size_t> read(asio::mutable_buffer into) {
        if (tls_) {
            auto [ec, n] = co_await tls_->async_read_some(into, k_token);
            co_return ec ? 0 : n;
        }
        auto [ec, n] = co_await socket_.async_read_some(into, k_token);
        co_return ec ? 0 : n;
    }
    awaitable<bool> write(std::string bytes) {
        if (tls_) {
            auto [ec, n] = co_await asio::async_write(*tls_, asio::buffer(bytes), k_token);
            co_return !ec && n == bytes.size();
        }
        auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(bytes), k_token);
        co_return !ec && n == bytes.size();
    }
    awaitable<void> write_loop() {
        while (!closed_ && !protocol_->dropped()) {
            auto out = protocol_->take_output();
            if (out.empty()) {
                if (ending_ || protocol_->over()) break;
                co_await wake_.wait();
                continue;
            }
            if (!co_await write(std::move(out))) break;
        }
        close();
    }

    void take_requests() {
        if (taking_) return;
        taking_ = true;
        for (auto batch = protocol_->take_requests(); !batch.empty(); batch = protocol_->take_requests())
            for (auto& in : batch)
                take(in);
        taking_ = false;
    }
    void take(push_protocol::incoming& in) {
        in.request.connection = serial_;
        auto e = visitor_->take(in.request);
        if (e.course.delay > millis{0})
            tasks_.spawn(finish_later(in.stream, std::move(e)));
        else
            finish(in.stream, e);
    }
    awaitable<void> finish_later(std::int32_t stream, push_exchange e) {
        co_await rt::sleep_for(e.course.delay);
        if (!closed_) finish(stream, e);
    }
    void finish(std::int32_t stream, const push_exchange& e) {
        protocol_->finish(stream, e);
        // Only now: what a client may do more of, it learns with the answer.
        protocol_->allow_streams(visitor_->streams());
        if (protocol_->dropped()) close();
        if (!closed_) take_requests(); // of HTTP/1.1 the next one may be ready now
        wake_.set();
    }
    void close() {
        closed_ = true;
        error_code ignored;
        socket_.close(ignored);
        wake_.set();
    }

    push_listener& of_;
    tcp::socket socket_;
    std::optional<asio::ssl::stream<tcp::socket&>> tls_;
    std::unique_ptr<push_visitor> visitor_;
    std::unique_ptr<push_protocol> protocol_;
    rt::event wake_;
    rt::task_group tasks_;
    std::uint64_t serial_;
    bool closed_ = false;
    bool ending_ = false;
    bool taking_ = false;
};

push_listener::push_listener(asio::any_io_executor ex, push_listener_settings settings, door open)
    : ex_(std::move(ex)), settings_(std::move(settings)), open_(std::move(open)), acceptor_(ex_),
      tasks_(ex_) {
    if (!settings_.tls) return;
    SSL_CTX_set_alpn_select_cb(
        settings_.tls->native_handle(), settings_.http1 ? &choose<k_both> : &choose<k_h2>, nullptr
    );
}

push_listener::~push_listener() = default;

void push_listener::start() {
    try {
        const tcp::endpoint at(asio::ip::make_address(settings_.address), settings_.port);
        acceptor_.open(at.protocol());
        acceptor_.set_option(tcp::acceptor::reuse_address(true));
        acceptor_.bind(at);
        acceptor_.listen();
        port_ = acceptor_.local_endpoint().port();
    } catch (const boost::system::system_error& e) {
        throw std::runtime_error(
            "cannot listen at " + settings_.address + ":" + std::to_string(settings_.port) + ": " +
            e.code().message()
        );
    }
    tasks_.spawn(accept());
}

awaitable<void> push_listener::accept() {
    while (true) {
        auto [ec, socket] = co_await acceptor_.async_accept(k_token);
        if (ec == asio::error::operation_aborted) co_return;
        if (ec) {
            co_await rt::sleep_for(millis{50}); // no file descriptors: those that end make room
            continue;
        }
        if (connections_ >= settings_.max_connections) continue; // closes it
        auto c = std::make_shared<connection>(*this, std::move(socket), ++serial_);
        tasks_.spawn(serve(std::move(c)));
    }
}

awaitable<void> push_listener::serve(std::shared_ptr<connection> c) {
    ++connections_;
    co_await c->run();
    --connections_;
}

awaitable<void> push_listener::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    co_await tasks_.join();
}

} // namespace z360::sim
