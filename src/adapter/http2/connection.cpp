// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/http2/connection.hpp"

#include "adapter/http2/tls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace z360::adapter::http2 {
namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto k_token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t k_read = 32 * 1024;
constexpr std::size_t k_write = 64 * 1024; ///< at once: what is urgent waits no longer than for that
constexpr duration k_goodbye = 300ms;

session_settings with_id(session_settings s, std::uint64_t id) {
    s.id = id;
    return s;
}

template <class Stream>
class connection_on final : public connection {
  public:
    static constexpr bool k_tls = !std::is_same_v<Stream, tcp::socket>;

    template <class... Args>
    connection_on(const connection_setup& setup, connection_owner& owner, std::uint64_t id, Args&&... stream)
        : connection(setup, owner, id), stream_(std::forward<Args>(stream)...) {}

    awaitable<void> run() override {
        std::exception_ptr broke;
        try {
            co_await live();
        } catch (const boost::system::system_error&) { // cancelled
        } catch (...) {
            broke = std::current_exception();
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (!ended_) close_socket();
        co_await loops_.join();
        session_.lost(why_);
        report();
        if (ended_) co_await say_goodbye();
        close_socket();
        if (broke) std::rethrow_exception(broke);
    }

  private:
    tcp::socket& socket() {
        if constexpr (k_tls)
            return stream_.next_layer();
        else
            return stream_;
    }
    void close_socket() override {
        error_code ignored;
        socket().close(ignored);
    }

    awaitable<void> live() {
        failed_ = co_await dial(socket(), setup_.to, rt::clock::now() + setup_.connect_timeout);
        if (failed_.ok()) failed_ = co_await secure();
        if (!failed_.ok()) co_return;
        failed_.what = "ended"; // until the SETTINGS come
        session_.begin(rt::clock::now());
        loops_.spawn(write_loop());
        loops_.spawn(watch_loop());
        co_await read_loop();
    }

    awaitable<dialed> secure() {
        dialed r;
        if constexpr (k_tls) {
            expect_host(stream_.native_handle(), setup_.to.host);
            const auto ec = co_await rt::with_timeout(shake_hands(), setup_.tls_timeout);
            const bool late = !ec || *ec == asio::error::operation_aborted;
            if (late || *ec) {
                r.what = late ? "tls_timeout" : "tls_failed";
                r.error = late ? "no TLS handshake in time"
                               : handshake_fault(stream_.native_handle(), ec->message());
            } else if (!speaks_h2(stream_.native_handle())) {
                r.what = "no_http2";
                r.error = "the server did not choose HTTP/2";
            }
        }
        co_return r;
    }
    awaitable<error_code> shake_hands() {
        error_code out;
        if constexpr (k_tls) {
            auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::client, k_token);
            out = ec;
        }
        co_return out;
    }

    awaitable<void> read_loop() {
        std::vector<char> room(k_read);
        while (true) {
            auto [ec, n] = co_await stream_.async_read_some(asio::buffer(room), k_token);
            if (n > 0) {
                const auto held = session_.held_until();
                session_.input({room.data(), n}, rt::clock::now());
                after();
                if (session_.held_until() != held) look_.set();
            }
            if (ec || session_.failed()) co_return;
        }
    }

    /// Requests are taken from the line here, at the last moment: who is more urgent overtakes until then.
    awaitable<void> write_loop() {
        std::string out;
        while (true) {
            kicked_ = false;
            out.clear();
            session_.output(out, k_write, rt::clock::now(), [this] { return owner_.next(); });
            if (!out.empty()) {
                auto [ec, n] = co_await asio::async_write(stream_, asio::buffer(out), k_token);
                (void)n;
                if (ec) {
                    // The server has closed, and may have answered before: the reader takes what is there,
                    // and ends with the connection.
                    session_.drain(rt::clock::now());
                    report();
                    co_return;
                }
            }
            report();
            if (session_.over()) {
                ended_ = !session_.failed() && session_.streams() == 0;
                if (ended_ || session_.failed() || session_.why_over() != h2::cause::none)
                    why_ = session_.why_over(); // none, if in peace
                break;
            }
            if (out.empty()) co_await kick_.wait();
        }
        error_code ignored;
        socket().cancel(ignored); // the reader, and with it run()
        if (!ended_) close_socket();
    }

    awaitable<void> watch_loop() {
        while (true) {
            (void)co_await look_.wait_for(session_.pause(rt::clock::now()));
            session_.tick(rt::clock::now());
            after();
        }
    }

    /// What follows from what the session was told.
    void after() {
        // The writer first: what waited for the server's window goes out before those who got a reply go on.
        if (!session_.failed()) {
            if (session_.wants_output()) kick();
            owner_.changed(*this);
        }
        report();
        if (session_.failed()) abort(session_.why_over());
    }

    awaitable<error_code> shut_down() {
        error_code out;
        if constexpr (k_tls) {
            auto [ec] = co_await stream_.async_shutdown(k_token);
            out = ec;
        }
        co_return out;
    }
    awaitable<void> say_goodbye() {
        if constexpr (k_tls) (void)co_await rt::with_timeout(shut_down(), k_goodbye);
    }

    Stream stream_;
};

} // namespace

connection::connection(const connection_setup& setup, connection_owner& owner, std::uint64_t id)
    : setup_(setup), owner_(owner), id_(id), began_(rt::clock::now()),
      session_(with_id(setup.session, id), began_), kick_(setup.ex), look_(setup.ex), loops_(setup.ex) {}

void connection::drain() {
    session_.drain(rt::clock::now());
    kick();
}

void connection::abort(h2::cause why) {
    why_ = why;
    if (!opened_ && why == h2::cause::timeout) {
        failed_.what = "settings_timeout";
        failed_.error = "the server sent no SETTINGS in time";
    }
    close_socket();
}

void connection::report() {
    for (const auto& g : session_.take_goaways())
        owner_.said_goaway(*this, g);
    if (!opened_ && session_.ready()) {
        opened_ = true;
        owner_.opened(*this);
    }
    auto done = session_.take_finished();
    // What goes back into the line goes there from behind, so that each finds its place at once.
    const auto goes_back = [](const session::finished& f) {
        return f.result.what == h2::outcome::not_processed;
    };
    if (std::any_of(done.begin(), done.end(), goes_back))
        std::sort(done.begin(), done.end(), [](const auto& a, const auto& b) {
            return a.x->order > b.x->order;
        });
    for (auto& f : done)
        owner_.settled(std::move(f));
    owner_.changed(*this);
}

std::shared_ptr<connection>
make_connection(const connection_setup& setup, connection_owner& owner, std::uint64_t id) {
    if (!setup.tls) return std::make_shared<connection_on<tcp::socket>>(setup, owner, id, setup.ex);
    return std::make_shared<connection_on<asio::ssl::stream<tcp::socket>>>(
        setup, owner, id, tcp::socket(setup.ex), *setup.tls
    );
}

} // namespace z360::adapter::http2
