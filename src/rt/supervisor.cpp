// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>

#include <algorithm>
#include <utility>

namespace z360::rt {
namespace {

using steady = clock;

constexpr std::chrono::milliseconds k_first_pause{100};
constexpr std::chrono::seconds k_log_every{60};

} // namespace

struct supervisor::loop {
    loop_settings settings;
    std::function<awaitable<void>()> round;
    steady::time_point good_at = steady::now(); ///< end of the last round that succeeded, or the start
    unsigned failures = 0;
    std::string last_error;
    steady::time_point logged_at{};
    steady::duration pause{};
    bool ended = false;
};

supervisor::supervisor(asio::any_io_executor ex, failure_sink on_failure)
    : on_failure_(std::move(on_failure)), tasks_(std::move(ex)) {}
supervisor::~supervisor() = default;

void supervisor::run(loop_settings s, std::function<awaitable<void>()> round) {
    if (stopping_) return;
    loop& l = loops_.emplace_back();
    l.settings = std::move(s);
    l.round = std::move(round);
    l.good_at += l.settings.delay;
    tasks_.spawn(keep(l));
}

awaitable<void> supervisor::keep(loop& l) {
    struct ending {
        loop& l;
        explicit ending(loop& x) : l(x) {}
        ~ending() { l.ended = true; }
    };
    const ending at_the_end(l); // cannot happen before join(); if it does, /readyz must not stay true
    if (l.settings.delay > steady::duration::zero()) co_await sleep_for(l.settings.delay);
    while (!stopping_) {
        std::exception_ptr thrown;
        try {
            co_await l.round();
        } catch (...) {
            thrown = std::current_exception();
        }
        if (stopping_) co_return;
        // A round may have switched cancellation off for its own clean-up; the pause must end with join().
        co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
        note(l, thrown);
        if (!thrown && l.settings.wake != nullptr)
            (void)co_await l.settings.wake->wait_for(l.pause);
        else
            co_await sleep_for(l.pause);
    }
}

void supervisor::note(loop& l, const std::exception_ptr& thrown) {
    l.pause = std::max<steady::duration>(l.settings.period, k_first_pause); // should what follows throw
    try {
        if (thrown) {
            failed(l, what(thrown));
            return;
        }
        l.good_at = steady::now();
        l.pause = l.settings.next ? l.settings.next() : l.settings.period;
        l.last_error.clear();
        if (const auto failures = std::exchange(l.failures, 0); failures > 0)
            log::info("loop_resumed", {{"loop", l.settings.name}, {"failures", failures}});
    } catch (const std::exception&) {
        // No memory for a line of log: the loop goes on without it.
    }
}

void supervisor::failed(loop& l, std::string why) {
    ++l.failures;
    const auto longest = std::max<steady::duration>(k_first_pause, l.settings.longest_pause);
    l.pause = growing<steady::rep, steady::period>(k_first_pause, longest, l.failures);
    if (on_failure_) on_failure_(l.settings.name, why);
    const auto now = steady::now();
    const bool tell = l.failures == 1 || now - l.logged_at >= k_log_every;
    l.last_error = std::move(why);
    if (!tell) return;
    l.logged_at = now;
    log::error("loop_failed", {{"loop", l.settings.name}, {"why", l.last_error}, {"in_a_row", l.failures}});
}

std::vector<loop_state> supervisor::states() const {
    std::vector<loop_state> out;
    const auto now = steady::now();
    for (const auto& l : loops_) {
        const auto since = std::max(now - l.good_at, steady::duration::zero());
        out.push_back(
            {l.settings.name, l.ended || since > l.settings.late_after, l.failures, l.last_error,
             std::chrono::floor<std::chrono::milliseconds>(since)}
        );
    }
    return out;
}

awaitable<void> supervisor::join() {
    stopping_ = true;
    co_await tasks_.join();
}

} // namespace z360::rt
