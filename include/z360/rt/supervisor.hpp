// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Loops that must never end: whatever a round throws is caught, told and counted, and the next round comes.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/rt/sync.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace z360::rt {

using z360::loop_state;

/// A loop whose rounds may rightly take for ever (one connection's life) is never late.
inline constexpr clock::duration k_never_late = clock::duration::max();

/// One loop: what it is called and how often it does what it does.
struct loop_settings {
    std::string name;             ///< snake_case; in logs, metrics and /readyz
    clock::duration period{};     ///< pause after a round that succeeded
    clock::duration late_after{}; ///< no round has succeeded for this long: late
    event* wake = nullptr;        ///< set: the pause after a success ends at once; outlives the supervisor
    clock::duration delay{};      ///< before the first round; does not count towards lateness
    clock::duration longest_pause = std::chrono::seconds{5}; ///< between failing rounds
    std::function<clock::duration()> next;                   ///< set: asked after each success, for `period`
};

/// Runs loops until join(). Not thread-safe: everything on the loop of the executor.
class supervisor {
  public:
    /// Hears of every round that threw: name of the loop, text of the exception.
    using failure_sink = std::function<void(std::string_view name, std::string_view why)>;

    explicit supervisor(asio::any_io_executor ex, failure_sink on_failure = {});
    ~supervisor();
    supervisor(const supervisor&) = delete;
    supervisor& operator=(const supervisor&) = delete;

    /// Starts a loop: `round`, pause, `round`, … A round that throws, whatever it is, is logged (the first of
    /// a row and then once a minute), counted, and followed by a pause that doubles from 100 ms up to
    /// `longest_pause`; no wake-up cuts that one short. Only join() ends the loop. After join() began: no-op.
    void run(loop_settings s, std::function<awaitable<void>()> round);
    [[nodiscard]] std::vector<loop_state> states() const;
    /// Cancels all loops and waits for them. A round under way that has switched cancellation off is waited
    /// for; no other follows it.
    [[nodiscard]] awaitable<void> join();

  private:
    struct loop;
    awaitable<void> keep(loop& l);
    void note(loop& l, const std::exception_ptr& thrown);
    void failed(loop& l, std::string why);

    failure_sink on_failure_;
    std::list<loop> loops_;
    bool stopping_ = false;
    task_group tasks_;
};

} // namespace z360::rt
