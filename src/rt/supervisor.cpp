// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/supervisor.hpp>

#include <algorithm>
#include <utility>

namespace z360::rt {
namespace {

using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds k_first_pause{100};
constexpr std::chrono::milliseconds k_longest_pause{5'000};
constexpr std::chrono::seconds k_log_every{60};

awaitable<bool> cancelled() {
    const auto state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

} // namespace

struct supervisor::loop {
    loop_settings settings;
    std::function<awaitable<void>()> round;
    steady::time_point good_at = steady::now(); ///< end of the last round that succeeded, or the start
    unsigned failures = 0;
    std::string last_error;
    steady::time_point logged_at{};
    steady::duration pause{};
};

supervisor::supervisor(asio::any_io_executor ex, failure_sink on_failure)
    : on_failure_(std::move(on_failure)), tasks_(std::move(ex)) {}
supervisor::~supervisor() = default;

void supervisor::run(loop_settings s, std::function<awaitable<void>()> round) {
    loop& l = loops_.emplace_back();
    l.settings = std::move(s);
    l.round = std::move(round);
    tasks_.spawn(keep(l));
}

awaitable<void> supervisor::keep(loop& l) {
    for (;;) {
        std::string why;
        bool threw = false;
        try {
            co_await l.round();
        } catch (...) {
            threw = true;
            why = what(std::current_exception());
        }
        const bool over = co_await cancelled();
        if (over) co_return;
        if (threw) {
            failed(l, std::move(why));
            co_await sleep_for(l.pause);
            continue;
        }
        if (l.failures > 0) log::info("loop_resumed", {{"loop", l.settings.name}, {"failures", l.failures}});
        l.failures = 0;
        l.last_error.clear();
        l.pause = {};
        l.good_at = steady::now();
        if (l.settings.wake != nullptr)
            (void)co_await l.settings.wake->wait_for(l.settings.period);
        else
            co_await sleep_for(l.settings.period);
    }
}

void supervisor::failed(loop& l, std::string why) {
    ++l.failures;
    l.pause = std::clamp<steady::duration>(l.pause * 2, k_first_pause, k_longest_pause);
    const auto now = steady::now();
    if (l.failures == 1 || now - l.logged_at >= k_log_every) {
        l.logged_at = now;
        log::error("loop_failed", {{"loop", l.settings.name}, {"why", why}, {"in_a_row", l.failures}});
    }
    if (on_failure_) on_failure_(l.settings.name, why);
    l.last_error = std::move(why);
}

std::vector<loop_state> supervisor::states() const {
    std::vector<loop_state> out;
    for (const auto& l : loops_) {
        const bool late = steady::now() - l.good_at > l.settings.late_after;
        out.push_back({l.settings.name, late, l.failures, l.last_error});
    }
    return out;
}

awaitable<void> supervisor::join() {
    co_await tasks_.join();
}

} // namespace z360::rt
