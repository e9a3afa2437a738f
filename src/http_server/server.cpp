// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "http_server/connection.hpp"
#include "http_server/tls_identity.hpp"

#include <z360/http/server.hpp>
#include <z360/log.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

namespace z360::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

constexpr std::size_t k_turn_away = 64; ///< connections told 503 at a time; more are closed without a word
constexpr millis k_certificate_check{1'000};
constexpr millis k_first_backoff{10};
constexpr millis k_longest_backoff{1'000};
constexpr std::chrono::seconds k_accept_log_interval{30};
constexpr std::size_t k_accepted_at_once = 64; // between two turns of the loop
constexpr std::chrono::seconds k_tick_late{5};
constexpr std::chrono::seconds k_certificate_late{60};

time_point wall_now() {
    return std::chrono::time_point_cast<millis>(std::chrono::system_clock::now());
}

awaitable<void> run_connection(std::unique_ptr<connection> c) {
    co_await c->run();
}

class tcp_server final : public server {
  public:
    tcp_server(
        asio::any_io_executor ex, server_settings settings, std::vector<route> routes, port::metrics& metrics
    )
        : ex_(std::move(ex)), state_(router(std::move(routes)), std::move(settings), metrics), acceptor_(ex_),
          loops_(
              ex_,
              [this](std::string_view name, std::string_view) {
                  state_.metrics.count("loop_failures_total", {{"loop", name}});
              }
          ),
          connections_(ex_), stopped_(ex_, clock::time_point::max()) {}

    void start() override {
        const auto& s = state_.settings;
        if (s.tls_certificate_file.empty() != s.tls_key_file.empty())
            throw std::runtime_error(
                "TLS needs both a certificate file and a key file; only one of them is set"
            );
        if (!s.tls_certificate_file.empty())
            identity_.emplace(s.tls_certificate_file, s.tls_key_file, state_.metrics);
        listen();
        port_ = acceptor_.local_endpoint().port();
        state_.report();
        start_loops();
        log::info(
            "http_listening", {{"address", s.address}, {"port", port_}, {"tls", identity_.has_value()}}
        );
    }

    std::uint16_t port() const override { return port_; }
    std::size_t connections() const override { return state_.served + state_.reserved; }
    std::optional<double> certificate_days_left() const override {
        if (!identity_) return std::nullopt;
        return identity_->days_left(wall_now());
    }

    std::vector<loop_state> loops() const override { return loops_.states(); }

    void drain() override { state_.draining = true; }

    awaitable<void> stop(millis limit) override {
        if (state_.stopping) {
            while (!all_stopped_) // a second caller waits for the first
                (void)co_await stopped_.async_wait(asio::as_tuple(asio::use_awaitable));
            co_return;
        }
        state_.draining = true;
        // Whom the kernel has accepted is served; closing the listener would reset them.
        admit_waiting(std::numeric_limits<std::size_t>::max());
        state_.stopping = true;
        error_code ignored;
        acceptor_.close(ignored);
        for (auto* c : state_.open)
            c->close_if_idle();
        const bool drained = co_await connections_.drain(limit);
        if (!drained) log::warn("http_requests_cut_off", {{"connections", connections_.size()}});
        co_await connections_.join();
        co_await loops_.join();
        all_stopped_ = true;
        stopped_.cancel();
    }

  private:
    [[noreturn]] void cannot_listen(const error_code& ec, const std::string& fix) const {
        const auto& s = state_.settings;
        throw std::runtime_error(
            "cannot listen on " + s.address + " port " + std::to_string(s.port) + ": " + ec.message() + "; " +
            fix
        );
    }

    void listen() {
        const auto& s = state_.settings;
        error_code ec;
        const auto address = asio::ip::make_address(s.address, ec);
        if (ec) cannot_listen(ec, "give a numeric address such as 0.0.0.0, 127.0.0.1 or ::");
        const tcp::endpoint at(address, s.port);
        acceptor_.open(at.protocol(), ec);
        if (ec) cannot_listen(ec, "is this address family enabled here?");
        acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
        if (s.reuse_port) {
            const int on = 1;
            if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
                cannot_listen(error_code(errno, boost::system::system_category()), "SO_REUSEPORT is refused");
        }
        acceptor_.bind(at, ec);
        if (ec) cannot_listen(ec, "choose another address or port, or stop the program that has it");
        acceptor_.listen(asio::socket_base::max_listen_connections, ec);
        if (ec) cannot_listen(ec, "choose another port, or stop the program that has it");
    }

    void start_loops() {
        const auto& s = state_.settings;
        // One round of accepting lasts until the stop; after a failure the next begins soon.
        rt::loop_settings accept{
            .name = s.name + "_accept",
            .period = k_first_backoff,
            .late_after = rt::k_never_late,
            .longest_pause = k_longest_backoff
        };
        loops_.run(std::move(accept), [this] { return accept_until_stop(); });
        const millis shortest =
            std::min({s.read_timeout, s.idle_timeout, s.write_timeout, s.short_idle_timeout});
        rt::loop_settings tick{
            .name = s.name + "_deadlines",
            .period = std::clamp(shortest / 8, millis(5), millis(100)),
            .late_after = k_tick_late
        };
        loops_.run(std::move(tick), [this] { return tick_round(); });
        rt::loop_settings certificate{
            .name = s.name + "_certificate", .period = k_certificate_check, .late_after = k_certificate_late
        };
        if (identity_) loops_.run(std::move(certificate), [this] { return certificate_round(); });
        for (const auto& l : loops_.states())
            state_.metrics.count("loop_failures_total", {{"loop", l.name}}, 0); // an alarm sees the first one
        for (const char* why : {"too_many_connections", "made_room", "stream_failed"})
            state_.metrics.count("http_rejected_total", {{"reason", why}}, 0);
    }

    awaitable<void> accept_until_stop() {
        unsigned failures = 0;
        while (!state_.stopping) {
            tcp::socket socket(ex_);
            auto [ec] = co_await acceptor_.async_accept(socket, asio::as_tuple(asio::use_awaitable));
            if (state_.stopping) co_return;
            if (!ec) {
                failures = 0;
                admit(std::move(socket));
                // Whoever came at the same time: one a turn of a loop that is busy with others would leave
                // the carrier's webhook waiting for seconds behind a crowd that has just connected.
                admit_waiting(k_accepted_at_once);
                continue;
            }
            if (ec == asio::error::connection_aborted) continue; // the peer gave up while in the queue
            // Out of descriptors or memory: the connection stays in the queue, so trying at once would spin.
            state_.metrics.count("http_accept_errors_total");
            if (clock::now() >= accept_quiet_until_) {
                accept_quiet_until_ = clock::now() + k_accept_log_interval;
                log::error(
                    "http_accept_failed",
                    {{"error", ec.message()},
                     {"fix", "raise the limit of open files or lower http.max_connections"}}
                );
            }
            co_await rt::sleep_for(rt::growing(k_first_backoff, k_longest_backoff, ++failures));
        }
    }

    /// At most so many of those whom the kernel has accepted.
    void admit_waiting(std::size_t most) {
        error_code ec;
        acceptor_.non_blocking(true, ec);
        for (; most > 0 && !ec; --most) {
            tcp::socket socket(ex_);
            acceptor_.accept(socket, ec);
            if (!ec) admit(std::move(socket));
        }
    }

    void admit(tcp::socket socket) {
        const auto& s = state_.settings;
        const auto address = address_of(socket);
        const bool free = s.no_address_limit && s.no_address_limit(address);
        auto source = free ? std::string() : source_of(address);
        auto why = connection::purpose::serve;
        if (!state_.has_place(source)) {
            tell_short(address, source);
            // Its request decides: it may be one of those that places are kept for.
            const bool room = state_.reserved < s.reserved_connections ||
                              (s.reserved_connections > 0 && state_.make_room());
            why = room ? connection::purpose::reserved : connection::purpose::turn_away;
            if (!room && state_.turned_away >= k_turn_away) {
                state_.metrics.count("http_rejected_total", {{"reason", "too_many_connections"}});
                return; // the socket's destructor closes it
            }
        }
        auto tls = identity_ ? identity_->context() : nullptr;
        connections_.spawn(
            run_connection(make_connection(std::move(socket), std::move(tls), state_, why, std::move(source)))
        );
    }

    void tell_short(const std::string& address, const std::string& source) {
        const bool crowded = state_.crowded(source);
        const auto silent = (crowded ? crowded_told_ : full_told_).due();
        if (!silent) return;
        if (crowded)
            log::warn(
                "http_address_has_too_many_connections",
                {{"address", address},
                 {"limit", state_.settings.max_connections_per_address},
                 {"more", *silent},
                 {"fix", "a proxy or balancer belongs into http.trusted_proxies; else find out who it is"}}
            );
        else
            log::warn(
                "http_too_many_connections",
                {{"limit", state_.settings.max_connections},
                 {"more", *silent},
                 {"fix", "raise http.max_connections, or find out who holds them"}}
            );
    }

    /// Enforces the deadlines of all connections.
    awaitable<void> tick_round() {
        const auto now = clock::now();
        for (auto* c : state_.open) { // cancelling only queues completions: the list does not change here
            c->expire(now);
            if (state_.stopping) c->close_if_idle();
        }
        co_return;
    }

    awaitable<void> certificate_round() {
        identity_->refresh(wall_now());
        co_return;
    }

    asio::any_io_executor ex_;
    server_state state_;
    std::optional<tls_identity> identity_;
    tcp::acceptor acceptor_;
    clock::time_point accept_quiet_until_{};
    log::sparse full_told_;
    log::sparse crowded_told_;
    rt::supervisor loops_;
    rt::task_group connections_;
    asio::steady_timer stopped_;
    bool all_stopped_ = false;
    std::uint16_t port_ = 0;
};

} // namespace

std::unique_ptr<server> make_server(
    asio::any_io_executor ex, server_settings settings, std::vector<route> routes, port::metrics& metrics
) {
    return std::make_unique<tcp_server>(std::move(ex), std::move(settings), std::move(routes), metrics);
}

} // namespace z360::http
