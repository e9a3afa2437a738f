// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/broadcast.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/rt/blocking_pool.hpp>
#include <z360/rt/supervisor.hpp>

#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

namespace z360::adapter::postgres {
namespace {

namespace asio = boost::asio;

constexpr millis k_statements{2'000};
constexpr millis k_answer{1'000};
constexpr long k_wait_us = 100'000; // of a worker; how late a stop or the end of listening is noticed

constexpr const char* k_notify =
    "select count(pg_notify($1, t.text)) from unnest($2::text[]) with ordinality t(text, n)";

class receiver final : public pqxx::notification_receiver {
  public:
    receiver(pqxx::connection_base& c, const std::string& name, std::vector<std::string>& out)
        : pqxx::notification_receiver(c, name), out_(out) {}
    void operator()(const std::string& payload, int) override { out_.push_back(payload); }

  private:
    std::vector<std::string>& out_;
};

// The worker's side; never touched from the loop while a worker is at it.
class ear {
  public:
    ear(secret url, std::string name, millis sign_of_life)
        : servers_(std::move(url)), name_(std::move(name)), sign_of_life_(sign_of_life) {}

    /// Blocks until something was said or a tenth of a second has passed. Throws when the connection is
    /// lost, and connects at the next call.
    std::vector<std::string> hear() {
        try {
            if (!db_) connect();
            if (db_->await_notification(0, k_wait_us) > 0)
                heard_at_ = steady::now();
            else
                look();
        } catch (...) {
            close();
            throw;
        }
        return std::exchange(said_, {});
    }
    void close() {
        receiver_.reset();
        db_.reset();
    }
    [[nodiscard]] bool open() const { return db_.has_value(); }
    std::atomic<bool> halt{false};

  private:
    void connect() {
        db_.emplace(servers_, k_statements, &halt);
        receiver_.emplace(*db_, name_, said_);
        heard_at_ = steady::now();
    }
    void look() {
        if (steady::now() - heard_at_ < sign_of_life_) return;
        if (!db_->answers(k_answer)) throw pqxx::broken_connection("the server does not answer");
        heard_at_ = steady::now();
    }

    servers servers_;
    const std::string name_;
    const millis sign_of_life_;
    std::vector<std::string> said_;
    std::optional<session> db_;
    std::optional<receiver> receiver_; // after db_: it goes first
    steady::time_point heard_at_;
};

class pg_notifications final : public notifications {
  public:
    pg_notifications(asio::any_io_executor ex, database& db, notification_settings s, port::metrics& m)
        : db_(db.connections()), name_(s.name), ear_(std::move(s.url), s.name, s.sign_of_life), wanted_(ex),
          worker_(1), loops_(ex, [&m](std::string_view name, std::string_view) {
              m.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        rt::loop_settings l{.name = "notify_listener", .late_after = rt::k_never_late};
        loops_.run(std::move(l), [this] { return round(); });
    }
    asio::awaitable<void> stop() override {
        ear_.halt = true;
        co_await loops_.join();
    }
    [[nodiscard]] bool listening() const override { return listening_; }
    [[nodiscard]] std::vector<loop_state> loops() const override { return loops_.states(); }

    asio::awaitable<bool> send(std::vector<std::string> texts) override {
        auto tell = [name = name_, texts = std::move(texts)](pqxx::connection_base& c) {
            exec_once(c, "change_notify", k_notify, name, text_array(texts));
        };
        try {
            co_await db_.run("change_notify", std::move(tell));
        } catch (const port::unavailable&) {
            co_return false;
        } catch (const statement_error& e) {
            log::warn("notify_refused", {{"why", e.what()}}); // its queue is full: somebody sleeps in LISTEN
            co_return false;
        }
        co_return true;
    }
    void listen(hearer heard) override {
        heard_ = std::move(heard);
        if (heard_) wanted_.set();
    }

  private:
    asio::awaitable<void> round() {
        while (!heard_)
            co_await wanted_.wait();
        // A worker's function cannot be called off: it ends by itself, soon.
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        try {
            auto said = co_await worker_.run([this] { return ear_.hear(); });
            note({});
            for (const auto& text : said)
                if (heard_) heard_(text);
        } catch (const pqxx::failure& e) {
            note(one_line(e.what()));
            if (!ear_.halt) throw port::unavailable("postgres: the listening connection is lost");
        }
        if (heard_) co_return;
        listening_ = false;
        co_await worker_.run([this] { ear_.close(); });
    }
    void note(const std::string& why) {
        const bool up = why.empty();
        if (std::exchange(listening_, up) != up) log::info("notify_listener", {{"up", up}, {"why", why}});
    }

    pool& db_;
    const std::string name_;
    ear ear_;
    hearer heard_;
    bool listening_ = false;
    rt::event wanted_;
    rt::blocking_pool worker_;
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<notifications>
make_notifications(asio::any_io_executor ex, database& db, notification_settings s, port::metrics& m) {
    return std::make_unique<pg_notifications>(std::move(ex), db, std::move(s), m);
}

} // namespace z360::adapter::postgres
