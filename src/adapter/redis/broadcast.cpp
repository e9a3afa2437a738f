// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/redis/broadcast.hpp"

#include "adapter/redis/connection.hpp"
#include "adapter/redis/handshake.hpp"

#include <z360/log.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace z360::adapter::redis {
namespace {

namespace asio = boost::asio;

class redis_channel final : public channel {
  public:
    redis_channel(asio::any_io_executor ex, session& s, channel_settings c, port::metrics& m)
        : ex_(std::move(ex)), session_(s), c_(std::move(c)), wanted_(ex_), stirred_(ex_),
          loops_(ex_, [&m](std::string_view name, std::string_view) {
              m.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        rt::loop_settings l{
            .name = "redis_listener",
            .late_after = rt::k_never_late,
            .longest_pause = c_.connect.backoff_longest
        };
        loops_.run(std::move(l), [this] { return one_connection(); });
    }
    asio::awaitable<void> stop() override { co_await loops_.join(); }
    [[nodiscard]] bool listening() const override { return confirmed_; }
    [[nodiscard]] std::vector<loop_state> loops() const override { return loops_.states(); }

    asio::awaitable<bool> send(std::vector<std::string> texts) override {
        for (auto& text : texts) {
            std::vector<std::string> words{"PUBLISH", c_.name, std::move(text)};
            const auto r = co_await session_.command(std::move(words));
            if (r.as<integer_reply>() == nullptr) co_return false;
        }
        co_return true;
    }
    void listen(hearer heard) override {
        heard_ = std::move(heard);
        if (heard_)
            wanted_.set();
        else
            stirred_.set();
    }

  private:
    // Whatever ends a round, the connection goes with it.
    struct leaving {
        redis_channel& owner;
        explicit leaving(redis_channel& o) : owner(o) {}
        leaving(const leaving&) = delete;
        leaving& operator=(const leaving&) = delete;
        ~leaving() { owner.confirmed_ = false; }
    };

    // A round of the loop: waits until somebody wants to hear, connects, listens as long as that lasts.
    asio::awaitable<void> one_connection() {
        while (!heard_)
            co_await wanted_.wait();
        const leaving at_the_end(*this);
        const auto attempt = attempts_++;
        std::string error;
        try {
            auto found = co_await rt::with_timeout(
                shake_hands(ex_, c_.connect.where, attempt, c_.connect.connect_limit),
                c_.connect.connect_limit
            );
            if (found && found->error.empty()) {
                co_await hear(std::move(found->link), std::move(found->life));
                error = heard_ ? "connection lost" : "";
            } else {
                error = found ? found->error : "no answer within the connect limit";
            }
        } catch (const boost::system::system_error& e) {
            if (e.code() == asio::error::operation_aborted) throw;
            error = e.code().message();
        }
        if (error.empty()) co_return;                 // nobody listens any more
        if (std::exchange(reported_, error) != error) // once for each reason
            log::warn("redis_listener_away", {{"error", error}});
        co_await rt::sleep_for(
            rt::growing(c_.connect.backoff_first, c_.connect.backoff_longest, ++quiet_tries_)
        );
    }

    asio::awaitable<void> hear(std::shared_ptr<connection> link, std::shared_ptr<connection_life> life) {
        while (heard_ && life->error.empty()) {
            confirmations_ = 0;
            link->subscribe(c_.name, [this, life](const reply& r) { take(r); });
            const auto until = std::chrono::steady_clock::now() + c_.connect.connect_limit;
            while (heard_ && confirmations_ == 0 && life->error.empty()) {
                const auto left = until - std::chrono::steady_clock::now();
                if (left <= millis::zero()) co_return; // silent: it is not there
                // take() stirs; an end of the connection is noticed with the next look
                (void)co_await stirred_.wait_for(std::min<rt::clock::duration>(left, k_look));
            }
            if (!heard_ || !life->error.empty()) co_return;
            const bool over = co_await wait_for_end(life);
            if (over) co_return;
        }
    }
    // true: the connection is gone.
    asio::awaitable<bool> wait_for_end(std::shared_ptr<connection_life> life) {
        const auto until = std::chrono::steady_clock::now() + c_.sign_of_life;
        while (heard_ && std::chrono::steady_clock::now() < until) {
            const bool closed = co_await life->closed.wait_for(k_look);
            if (closed) co_return true;
        }
        co_return false;
    }

    void take(const reply& r) {
        const auto* words = r.as<array_reply>();
        if (words == nullptr || words->values.size() < 3) return;
        const auto* kind = words->values[0].as<string_reply>();
        const auto* text = words->values[2].as<string_reply>();
        if (kind == nullptr) return;
        if (kind->value == "subscribe") {
            ++confirmations_;
            if (!std::exchange(confirmed_, true)) log::info("redis_listener_ready");
            reported_.clear();
            quiet_tries_ = 0;
            stirred_.set();
        } else if (kind->value == "message" && text != nullptr && heard_) {
            heard_(text->value);
        }
    }

    static constexpr millis k_look{100};

    asio::any_io_executor ex_;
    session& session_;
    channel_settings c_;
    hearer heard_;
    rt::event wanted_;
    rt::event stirred_;
    unsigned confirmations_ = 0; ///< since one was asked for
    bool confirmed_ = false;
    unsigned attempts_ = 0;
    unsigned quiet_tries_ = 0; ///< since it last was confirmed
    std::string reported_;     ///< why it is away, as logged last
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<channel>
make_channel(asio::any_io_executor ex, session& s, channel_settings c, port::metrics& m) {
    return std::make_unique<redis_channel>(std::move(ex), s, std::move(c), m);
}

} // namespace z360::adapter::redis
