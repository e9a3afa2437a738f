// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/session.hpp"

#include "adapter/redis/connection.hpp"
#include "adapter/redis/handshake.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/log.hpp>
#include <z360/rt/breaker.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;
using steady = rt::clock;

// The states of the relation. Only `ready` can send.
struct disconnected {};
struct connecting {};
struct ready {
    std::shared_ptr<connection> link;
};
using state = std::variant<disconnected, connecting, ready>;

std::string_view name(const reply& r) {
    return std::visit(
        overloaded{
            [](const unavailable& u) -> std::string_view {
                switch (u.why) {
                case unavailable::reason::away: return "away";
                case unavailable::reason::skipped: return "skipped";
                case unavailable::reason::timed_out: return "timed_out";
                case unavailable::reason::disconnected: return "disconnected";
                }
                return "away";
            },
            [](const error_reply&) -> std::string_view { return "error"; },
            [](const auto&) -> std::string_view { return "ok"; },
        },
        r.value
    );
}

constexpr unsigned k_timeouts_until_reconnect = 3;

} // namespace

class session::impl {
  public:
    impl(asio::any_io_executor ex, session_settings s, port::metrics& m)
        : ex_(ex), settings_(std::move(s)), metrics_(m),
          loops_(
              ex,
              [this](std::string_view name, std::string_view) {
                  metrics_.count("loop_failures_total", {{"loop", name}});
              }
          ),
          idle_(ex), chance_(rt::random_chance()), breaker_(rt::breaker_settings{
                                                       .probe_every = settings_.skip_first,
                                                       .longest_pause = settings_.skip_longest,
                                                       .opens_at_once = true
                                                   }) {}

    void start() {
        metrics_.gauge("redis_up", 0);
        metrics_.count("loop_failures_total", {{"loop", "redis"}}, 0);
        rt::loop_settings s{
            .name = "redis", .late_after = rt::k_never_late, .longest_pause = settings_.backoff_longest
        };
        loops_.run(std::move(s), [this] { return one_connection(); });
    }

    asio::awaitable<void> stop() {
        stopping_ = true;
        co_await loops_.join();
        if (auto* r = std::get_if<ready>(&state_)) {
            const auto link = std::move(r->link);
            state_ = disconnected{};
            link->close(); // completes what is under way
        }
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        while (in_flight_ > 0)
            co_await idle_.wait();
    }

    asio::awaitable<reply> command(std::vector<std::string> arguments) {
        const auto began = steady::now();
        auto refusal = refuse();
        const auto pass = refusal ? rt::breaker::pass::no : breaker_.ask(began);
        if (!refusal && pass == rt::breaker::pass::no) refusal = unavailable{unavailable::reason::skipped};
        if (refusal) {
            reply r{*refusal};
            count(r);
            co_return r;
        }
        const slot held(*this); // also when the caller is cancelled
        std::optional<rt::probe_right> probe;
        if (pass == rt::breaker::pass::probe) probe.emplace(breaker_);
        const auto link = std::get<ready>(state_).link;
        auto r = co_await exchange(ex_, link, std::move(arguments), settings_.budget);
        metrics_.observe(
            "redis_command_seconds", std::chrono::duration<double>(steady::now() - began).count()
        );
        count(r);
        if (judge(r, link, probe.has_value()) && probe) probe->used();
        co_return r;
    }

    [[nodiscard]] bool healthy() const { return std::holds_alternative<ready>(state_) && !breaker_.open(); }
    [[nodiscard]] std::vector<loop_state> loops() const { return loops_.states(); }

  private:
    // Counts a command as under way.
    class slot {
      public:
        explicit slot(impl& owner) : owner_(owner) { ++owner_.in_flight_; }
        ~slot() {
            if (--owner_.in_flight_ == 0) owner_.idle_.set();
        }
        slot(const slot&) = delete;
        slot& operator=(const slot&) = delete;

      private:
        impl& owner_;
    };

    [[nodiscard]] std::optional<unavailable> refuse() const {
        if (stopping_ || !std::holds_alternative<ready>(state_))
            return unavailable{unavailable::reason::away};
        if (in_flight_ >= settings_.max_in_flight) return unavailable{unavailable::reason::skipped};
        return std::nullopt;
    }

    void count(const reply& r) { metrics_.count("redis_commands_total", {{"result", name(r)}}); }

    // What the answer says of Redis; false: nothing. A time-out of several commands at once is one failure,
    // not several: the breaker counts only the first of them.
    bool judge(const reply& r, const std::shared_ptr<connection>& link, bool probe) {
        auto* now_ready = std::get_if<ready>(&state_);
        if (now_ready == nullptr || now_ready->link != link) return false; // of a connection that is gone
        const auto* u = r.as<unavailable>();
        if (u != nullptr && u->why != unavailable::reason::timed_out) return false;
        const bool well = u == nullptr;
        const bool was_open = breaker_.open();
        breaker_.report(steady::now(), well, probe);
        if (well && was_open) log::info("redis_answers_again");
        if (!well && !was_open) log::warn("redis_stalls", {{"budget_ms", settings_.budget.count()}});
        metrics_.gauge("redis_up", well ? 1 : 0);
        if (breaker_.failed_in_a_row() >= k_timeouts_until_reconnect) link->close();
        return true;
    }

    // Whatever ends a round, no state of it stays: a connection that nobody watches would count as ready.
    struct leaving {
        impl& owner;
        explicit leaving(impl& o) : owner(o) {}
        leaving(const leaving&) = delete;
        leaving& operator=(const leaving&) = delete;
        ~leaving() {
            auto* r = std::get_if<ready>(&owner.state_);
            if (owner.stopping_ || r == nullptr) return; // a stop closes it itself
            const auto link = std::move(r->link);
            owner.state_ = disconnected{};
            owner.metrics_.gauge("redis_up", 0);
            link->close();
        }
    };

    // A round of the loop: connects, lives as long as the connection, pauses.
    asio::awaitable<void> one_connection() {
        const leaving at_the_end(*this);
        const auto began = steady::now();
        auto closed = co_await connect();
        if (closed) {
            co_await watch(closed);
            went_away("connection lost");
        }
        // A connection that lasted earns a fresh start; one that breaks at once does not.
        if (closed && steady::now() - began > settings_.backoff_longest) attempts_ = 0;
        co_await rt::sleep_for(backoff());
    }

    // Until the connection ends. While Redis is suspected to stall and no command comes to find out, this
    // asks: a quiet server must not call it down for hours after it is back.
    asio::awaitable<void> watch(std::shared_ptr<rt::event> closed) {
        for (;;) {
            const bool over = co_await closed->wait_for(settings_.skip_first);
            if (over) co_return;
            if (!breaker_.open()) continue;
            std::vector<std::string> question{"PING"};
            (void)co_await command(std::move(question));
        }
    }

    millis backoff() {
        const auto longest = rt::growing(settings_.backoff_first, settings_.backoff_longest, ++attempts_);
        return rt::spread(longest, 0.5, 1, chance_());
    }

    void went_away(const std::string& why) {
        state_ = disconnected{};
        metrics_.gauge("redis_up", 0);
        if (reported_ == why) return; // once for each reason, not once for each attempt
        reported_ = why;
        log::warn(
            "redis_away", {{"host", settings_.where.host}, {"port", settings_.where.port}, {"error", why}}
        );
    }

    // Ready: the event that tells the end of the connection. nullptr: it did not come about.
    asio::awaitable<std::shared_ptr<rt::event>> connect() {
        state_ = connecting{};
        std::string error;
        try {
            auto found = co_await rt::with_timeout(
                shake_hands(ex_, settings_.where, attempts_, settings_.connect_limit), settings_.connect_limit
            );
            if (found && found->error.empty()) {
                state_ = ready{found->link};
                breaker_.reset();
                reported_.clear();
                metrics_.gauge("redis_up", 1);
                log::info("redis_ready", {{"host", settings_.where.host}, {"port", settings_.where.port}});
                co_return std::shared_ptr<rt::event>(found->life, &found->life->closed);
            }
            error = found ? found->error : "no answer within the connect limit";
        } catch (const boost::system::system_error& e) {
            if (e.code() == asio::error::operation_aborted && stopping_) throw;
            error = e.code().message();
        }
        if (!stopping_) went_away(error);
        co_return nullptr;
    }

    asio::any_io_executor ex_;
    session_settings settings_;
    port::metrics& metrics_;
    rt::supervisor loops_;
    rt::event idle_; ///< no command is under way
    rt::chance_source chance_;
    state state_;
    bool stopping_ = false;
    std::string reported_;  ///< why it is away, as logged last
    unsigned attempts_ = 0; ///< since a connection last held
    std::size_t in_flight_ = 0;
    rt::breaker breaker_; ///< of this connection: the first time-out opens it
};

session::session(asio::any_io_executor ex, session_settings s, port::metrics& m)
    : impl_(std::make_unique<impl>(std::move(ex), std::move(s), m)) {}
session::~session() = default;
void session::start() {
    impl_->start();
}
asio::awaitable<void> session::stop() {
    return impl_->stop();
}
asio::awaitable<reply> session::command(std::vector<std::string> arguments) {
    return impl_->command(std::move(arguments));
}
bool session::healthy() const {
    return impl_->healthy();
}
std::vector<loop_state> session::loops() const {
    return impl_->loops();
}

} // namespace z360::adapter::redis
