// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/bookkeeper.hpp>
#include <z360/log.hpp>
#include <z360/rt/supervisor.hpp>

#include <chrono>
#include <string_view>
#include <utility>

namespace z360::bookkeeper {
namespace {

using boost::asio::awaitable;
using port::booked;

constexpr std::chrono::seconds k_late{60};
constexpr millis k_count_every{15'000};

class keeper_impl final : public keeper {
  public:
    keeper_impl(boost::asio::any_io_executor ex, port::book_store& store, port::metrics& metrics, settings s)
        : store_(store), metrics_(metrics), s_(s),
          loops_(std::move(ex), [this](std::string_view name, std::string_view) {
              metrics_.count("loop_failures_total", {{"loop", name}});
          }) {}

    void start() override {
        count({}); // alarms count from zero
        run("books", s_.look_every, &keeper_impl::enter_round);
        run("books_transcripts", s_.look_every, &keeper_impl::transcribe_round);
        run("books_count", k_count_every, &keeper_impl::count_round);
    }
    awaitable<void> stop() override { co_await loops_.join(); }
    std::vector<loop_state> loops() const override { return loops_.states(); }

  private:
    void run(const char* name, millis every, awaitable<void> (keeper_impl::*round)()) {
        rt::loop_settings l{.name = name, .period = every, .late_after = every + k_late};
        loops_.run(std::move(l), [this, round] { return (this->*round)(); });
    }

    using step = awaitable<booked> (port::book_store::*)(std::size_t);

    awaitable<void> enter_round() { return all_of(&port::book_store::enter); }
    awaitable<void> transcribe_round() { return all_of(&port::book_store::transcribe); }
    awaitable<void> all_of(step what) {
        bool more = true;
        while (more) {
            const auto b = co_await (store_.*what)(s_.batch);
            count(b);
            more = b.looked_at == s_.batch;
        }
    }
    awaitable<void> count_round() {
        const auto f = co_await store_.figures();
        metrics_.gauge("books_waiting", static_cast<double>(f.waiting));
        metrics_.gauge("books_failing", static_cast<double>(f.failing));
        metrics_.gauge("books_waiting_oldest_seconds", std::chrono::duration<double>(f.oldest).count());
    }

    void count(const booked& b) {
        metrics_.count("messages_written_total", {}, static_cast<double>(b.messages));
        metrics_.count("ledger_minutes_total", {{"unit", "call"}}, static_cast<double>(b.minutes));
        metrics_.count("ledger_minutes_total", {{"unit", "agent"}}, static_cast<double>(b.ai_minutes));
        metrics_.count("transcripts_stored_total", {}, static_cast<double>(b.transcripts));
        metrics_.count("transcripts_unknown_total", {}, static_cast<double>(b.given_up));
        metrics_.count("books_failures_total", {}, static_cast<double>(b.failed));
    }

    port::book_store& store_;
    port::metrics& metrics_;
    const settings s_;
    rt::supervisor loops_;
};

} // namespace

std::unique_ptr<keeper>
make_keeper(boost::asio::any_io_executor ex, port::book_store& store, port::metrics& metrics, settings s) {
    return std::make_unique<keeper_impl>(std::move(ex), store, metrics, s);
}

} // namespace z360::bookkeeper
