// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/connection.hpp"

#include "http_server/input_buffer.hpp"
#include "http_server/request_parser.hpp"
#include "http_server/response_text.hpp"

#include <z360/log.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace z360::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);

constexpr refusal k_slow{408, "request_timeout", "The request did not arrive in time"};
constexpr refusal k_incomplete{400, "request_incomplete", "The connection ended inside the request"};
constexpr refusal k_full{503, "too_many_connections", "The server has no connection to spare"};
constexpr refusal k_crowded{
    503, "too_many_connections", "This address has too many connections; use fewer, and keep them open"
};

constexpr millis k_linger{1'000};               ///< for the peer to read the last response and close
constexpr std::size_t k_linger_bytes = 1 << 20; ///< what is thrown away meanwhile
constexpr std::size_t k_one_write = 16 * 1024;  ///< bodies up to this size are copied behind their head
constexpr std::size_t k_stream_piece = 64 * 1024;
constexpr std::size_t k_keep_memory = 64 * 1024;
constexpr std::size_t k_first_read = 4 * 1024;

std::string_view method_label(std::string_view method) {
    for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
        if (method == known) return known;
    return "other"; // a client must not be able to invent label values
}

std::string_view status_class(int status) {
    static constexpr std::array<std::string_view, 6> k_names{"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    return status >= 100 && status < 600 ? k_names[static_cast<std::size_t>(status / 100)] : k_names[0];
}

response refuse(const refusal& why) {
    auto r = response::problem(why.status, why.code, why.title);
    if (why.status == 503) r.headers.add("Retry-After", "1");
    return r;
}

template <class Stream>
class connection_on final : public connection {
  public:
    static constexpr bool k_tls = !std::is_same_v<Stream, tcp::socket>;

    template <class... Args>
    connection_on(
        std::shared_ptr<asio::ssl::context> tls, server_state& state, purpose why, std::string peer,
        std::string source, Args&&... stream
    )
        : connection(state, why, std::move(source)), tls_(std::move(tls)),
          stream_(std::forward<Args>(stream)...), peer_(std::move(peer)),
          parser_(state.settings.max_header_bytes, state.settings.max_body_bytes) {}

    awaitable<void> run() override {
        const bool opened = co_await open();
        if (!opened) co_return;
        if (purpose_ == purpose::turn_away) {
            co_await send_refusal(k_full);
            co_await close_gently();
            co_return;
        }
        enter(phase::idle, std::min(state_.settings.idle_timeout, state_.settings.read_timeout));
        auto next = then::more;
        while (next == then::more)
            next = co_await serve_one();
        if (next == then::close) co_await close_gently();
    }

  private:
    enum class incoming { request, refused, gone };
    enum class then { more, close, gone };

    tcp::socket& socket() {
        if constexpr (k_tls)
            return stream_.next_layer();
        else
            return stream_;
    }
    void cancel_io() override {
        error_code ignored;
        socket().cancel(ignored);
    }

    awaitable<bool> open() {
        if constexpr (k_tls) {
            enter(phase::opening, state_.settings.read_timeout);
            auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, k_token);
            if (ec) {
                count_refused(timed_out_ ? "tls_timeout" : "tls_handshake");
                log::debug("tls_handshake_failed", {{"peer", peer_}, {"error", ec.message()}});
                co_return false;
            }
        }
        co_return true;
    }

    awaitable<then> serve_one() {
        const incoming got = co_await read_request();
        if (got == incoming::gone) co_return then::gone;
        if (got == incoming::refused) {
            co_await send_refusal(*refused_);
            co_return then::close;
        }
        const auto started = clock::now();
        bool keep = parser_.keep_alive();
        auto req = parser_.take();
        const bool head_only = req.method == "HEAD";
        auto route = state_.routes.find(req.method, req.path);
        const bool reserved = route.found != nullptr && route.found->reserved;
        if (purpose_ == purpose::reserved && !reserved && !find_place()) {
            co_await send_refusal(crowded_ ? k_crowded : k_full);
            co_return then::close;
        }
        const std::string_view method = method_label(req.method);
        enter(phase::handling);
        std::string_view route_label = "none";
        response res = co_await dispatch(std::move(req), std::move(route), &route_label);
        asks_reserved_ = reserved && res.status < 400; // who is refused there has no claim to patience
        keep = keep && !state_.draining && !state_.stopping && res.headers.get("Connection") != "close";
        state_.metrics.count(
            "http_requests_total",
            {{"method", method}, {"route", route_label}, {"status_class", status_class(res.status)}}
        );
        const bool sent = co_await send(std::move(res), keep, head_only);
        const std::chrono::duration<double> took = clock::now() - started;
        state_.metrics.observe("http_request_seconds", took.count(), {{"route", route_label}});
        if (!sent) co_return then::gone;
        if (!keep) co_return then::close;
        served_one_ = true;
        in_.shrink(k_keep_memory);
        parser_.restart();
        enter(phase::idle, state_.settings.idle_timeout);
        co_return then::more;
    }

    awaitable<incoming> read_request() {
        while (true) {
            switch (parser_.feed(in_)) {
            case request_parser::progress::done: co_return incoming::request;
            case request_parser::progress::refused: refused_ = &parser_.why(); co_return incoming::refused;
            case request_parser::progress::need_more: break;
            }
            if (phase_ == phase::idle && parser_.started())
                enter(phase::reading, state_.settings.read_timeout);
            if (state_.stopping && idle()) co_return incoming::gone;
            if (parser_.take_expectation()) {
                static constexpr std::string_view k_continue = "HTTP/1.1 100 Continue\r\n\r\n";
                auto [failed, written] =
                    co_await asio::async_write(stream_, asio::buffer(k_continue), k_token);
                (void)written;
                if (failed) co_return incoming::gone;
            }
            const auto room = in_.prepare(parser_.read_size());
            auto [ec, n] = co_await stream_.async_read_some(room, k_token);
            in_.commit(n);
            if (!ec) continue;
            if (!parser_.started()) co_return incoming::gone;
            refused_ = timed_out_ ? &k_slow : &k_incomplete;
            co_return incoming::refused;
        }
    }

    awaitable<response> dispatch(request req, router::match match, std::string_view* route_label) {
        if (!match.found) {
            if (match.allow.empty())
                co_return response::problem(404, "not_found", "There is nothing at this path");
            auto r = response::problem(
                405, "method_not_allowed", "This path does not take this method", "Allowed: " + match.allow
            );
            r.headers.add("Allow", std::move(match.allow));
            co_return r;
        }
        *route_label = match.found->pattern;
        req.params = std::move(match.params);
        req.remote_address = peer_;
        std::exception_ptr error;
        try {
            response r = co_await match.found->handle(std::move(req));
            co_return r;
        } catch (...) {
            error = std::current_exception();
        }
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) std::rethrow_exception(error);
        // The text of an exception may quote what was parsed: a short piece is enough to find the fault.
        log::error(
            "http_handler_failed", {{"method", match.found->method},
                                    {"route", match.found->pattern},
                                    {"error", rt::what(error).substr(0, 160)}}
        );
        co_return response::problem(500, "internal_error", "The server failed to handle this request");
    }

    awaitable<void> send_refusal(refusal why) {
        count_refused(why.code);
        log::debug("http_refused", {{"peer", peer_}, {"code", why.code}});
        (void)co_await send(refuse(why), false, false);
    }

    awaitable<bool> send(response res, bool keep, bool head_only) {
        enter(phase::writing, state_.settings.write_timeout);
        response_options options;
        options.date = state_.date();
        options.keep_alive = keep;
        options.http_1_0 = parser_.http_1_0();
        options.secure = k_tls;
        out_.clear();
        append_response_head(out_, res, options);
        const bool may = !head_only && may_have_body(res.status);
        const bool body = may && !res.stream && !res.body.empty();
        error_code failed;
        if (body && res.body.size() > k_one_write) {
            const std::array<asio::const_buffer, 2> parts{asio::buffer(out_), asio::buffer(res.body)};
            auto [ec, n] = co_await asio::async_write(stream_, parts, k_token);
            (void)n;
            failed = ec;
        } else {
            if (body) out_ += res.body;
            auto [ec, n] = co_await asio::async_write(stream_, asio::buffer(out_), k_token);
            (void)n;
            failed = ec;
        }
        if (failed && timed_out_) count_refused("write_timeout");
        if (failed || !may || !res.stream) co_return !failed;
        const bool whole = co_await send_stream(*res.stream);
        co_return whole;
    }

    /// Piece by piece, so that never more than one of them lies here, however slow the client is.
    awaitable<bool> send_stream(port::byte_source& source) {
        std::uint64_t left = source.size();
        while (left > 0) {
            enter(phase::handling); // the source's time is not the client's
            const std::string piece = co_await next_piece(source, left);
            if (piece.empty()) co_return false;
            left -= piece.size();
            enter(phase::writing, state_.settings.write_timeout);
            auto [ec, n] = co_await asio::async_write(stream_, asio::buffer(piece), k_token);
            (void)n;
            if (!ec) continue;
            if (timed_out_) count_refused("write_timeout");
            co_return false;
        }
        co_return true;
    }

    /// Empty: the source failed, or ended before the `left` bytes that are still due.
    awaitable<std::string> next_piece(port::byte_source& source, std::uint64_t left) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left, k_stream_piece));
        std::string piece;
        std::exception_ptr error;
        try {
            piece = co_await source.read(most);
        } catch (...) {
            error = std::current_exception();
        }
        if (error) {
            const auto cancellation = co_await asio::this_coro::cancellation_state;
            if (cancellation.cancelled() != asio::cancellation_type::none) std::rethrow_exception(error);
            piece.clear();
        }
        if (piece.size() > most) piece.resize(most); // never more than announced
        if (piece.empty()) {
            count_refused("stream_failed");
            log::error(
                "http_stream_failed",
                {{"missing", left},
                 {"error", error ? rt::what(error).substr(0, 160) : "it ended before its size"}}
            );
        }
        co_return piece;
    }

    /// Lets the peer read what was sent: closing with unread bytes in our buffer would make the kernel reset
    /// the connection, and the peer might lose the response.
    awaitable<void> close_gently() {
        enter(phase::closing, k_linger);
        if constexpr (k_tls) {
            auto [ignored] = co_await stream_.async_shutdown(k_token);
            (void)ignored;
        }
        error_code failed;
        socket().shutdown(tcp::socket::shutdown_send, failed);
        std::size_t dropped = 0;
        while (!failed && !timed_out_ && dropped < k_linger_bytes) {
            const auto room = in_.prepare(k_first_read);
            auto [ec, n] = co_await socket().async_read_some(room, k_token);
            dropped += n;
            failed = ec;
        }
    }

    void count_refused(std::string_view why) {
        state_.metrics.count("http_rejected_total", {{"reason", why}});
    }

    std::shared_ptr<asio::ssl::context> tls_; // keeps what the stream was made from
    Stream stream_;
    std::string peer_;
    request_parser parser_;
    input_buffer in_;
    std::string out_;
    const refusal* refused_ = nullptr;
};

} // namespace

std::unique_ptr<connection> make_connection(
    tcp::socket socket, std::shared_ptr<asio::ssl::context> tls, server_state& state, connection::purpose why,
    std::string source
) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto address = address_of(socket);
    if (!tls)
        return std::make_unique<connection_on<tcp::socket>>(
            nullptr, state, why, std::move(address), std::move(source), std::move(socket)
        );
    auto& context = *tls;
    return std::make_unique<connection_on<asio::ssl::stream<tcp::socket>>>(
        std::move(tls), state, why, std::move(address), std::move(source), std::move(socket), context
    );
}

} // namespace z360::http
