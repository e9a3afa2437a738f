// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Loops that must never end: whatever a round throws is caught, told and counted, and the next round comes.
#pragma once

#include <z360/rt/sync.hpp>

#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace z360::rt {

/// One loop: what it is called and how often it does what it does.
struct loop_settings {
    std::string name;                                 ///< snake_case; in logs, metrics and /readyz
    std::chrono::steady_clock::duration period{};     ///< pause after a round that succeeded
    std::chrono::steady_clock::duration late_after{}; ///< no round has succeeded for this long: late
    event* wake = nullptr; ///< set: the pause ends at once; outlives the supervisor
};

/// How a loop does. `late` is what /readyz asks for: the loop hangs, or every round of it fails.
struct loop_state {
    std::string name;
    bool late = false;
    unsigned failures = 0;  ///< rounds in a row that threw
    std::string last_error; ///< of the last round that threw; empty once a round has succeeded
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

    /// Starts a loop: `round`, pause, `round`, … A round that throws is logged (the first of a row and then
    /// once a minute), counted, and followed by a pause that doubles up to 5 s. Only a cancellation ends it.
    void run(loop_settings s, std::function<awaitable<void>()> round);
    [[nodiscard]] std::vector<loop_state> states() const;
    /// Cancels all loops and waits for them.
    [[nodiscard]] awaitable<void> join();

  private:
    struct loop;
    awaitable<void> keep(loop& l);
    void failed(loop& l, std::string why);

    failure_sink on_failure_;
    std::list<loop> loops_;
    task_group tasks_;
};

} // namespace z360::rt
