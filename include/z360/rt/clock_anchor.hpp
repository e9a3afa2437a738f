// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Time of day within a process: it never goes back, and follows another clock (the database's) slowly enough
// for every timer to keep its meaning. Pure: readings of clocks in, time out.
#pragma once

#include <z360/base/time.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace z360::rt {

/// What the other clock said, between two moments of ours.
struct clock_sample {
    std::chrono::steady_clock::time_point asked;
    std::chrono::steady_clock::time_point answered;
    std::chrono::sys_time<std::chrono::microseconds> theirs;
};

/// The first usable sample sets the time, forward or back: a process that has not yet spoken to its database
/// has decided nothing. From then on time is corrected by running slower or faster, by `k_slew` at most; by
/// `k_fast_slew` after `k_far_in_a_row` samples in a row that were more than `k_far` off (a failover to a
/// server with another clock), so that a timer of 30 s lasts 24 to 40 s at the very worst, and never
/// backwards. One such sample alone changes nothing. Moments given to it never go back. Used by one thread.
class clock_anchor {
  public:
    using steady = std::chrono::steady_clock;
    using micros = std::chrono::microseconds;

    static constexpr micros k_longest_round_trip{250'000}; ///< samples that took longer are ignored
    static constexpr micros k_far{2'000'000};
    static constexpr unsigned k_far_in_a_row = 5;
    static constexpr std::int64_t k_slew = 20;     ///< one part in so many: 50 ms a second
    static constexpr std::int64_t k_fast_slew = 4; ///< 250 ms a second

    /// Starts with the system's clock.
    clock_anchor(steady::time_point at, std::chrono::sys_time<micros> system);

    /// Never less than before for a later `at` once anchored.
    [[nodiscard]] time_point now(steady::time_point at) const;
    /// At `at`, which is now, this is known. false: of no use, and ignored.
    bool sample(steady::time_point at, const clock_sample& s);
    /// A sample has been used.
    [[nodiscard]] bool anchored() const { return anchored_; }
    /// How far this clock is behind the other one (ahead: negative) and will move.
    [[nodiscard]] micros correction(steady::time_point at) const;
    /// How far the system's clock is ahead of the other one (behind: negative); nullopt before the first
    /// sample.
    [[nodiscard]] std::optional<micros>
    skew(steady::time_point at, std::chrono::sys_time<micros> system) const;

  private:
    struct reading {
        micros offset;     ///< the other clock, less ours that never stops
        micros round_trip; ///< its error is half of this at most
    };
    [[nodiscard]] static reading best_of(const std::deque<reading>& all);
    [[nodiscard]] micros applied(micros elapsed) const;
    [[nodiscard]] micros time(steady::time_point at) const;
    void aim(steady::time_point at, micros offset, std::int64_t slew);
    [[nodiscard]] bool take_far(steady::time_point at, const reading& r);

    steady::time_point base_;
    micros base_time_; ///< at base_, since the epoch
    micros left_{0};   ///< of the correction, at base_
    std::int64_t slew_ = k_slew;
    std::optional<micros> offset_; ///< best known
    std::deque<reading> near_;     ///< the last few
    std::deque<reading> far_;      ///< in a row
    bool anchored_ = false;
};

/// Notices when the system's clock is set: it moved otherwise than time did between two looks.
class step_watch {
  public:
    static constexpr std::chrono::milliseconds k_step{100};
    /// How far it was moved since the last look (back: negative); nullopt: not by more than `k_step`.
    [[nodiscard]] std::optional<millis>
    look(std::chrono::steady_clock::time_point at, std::chrono::sys_time<std::chrono::microseconds> system);

  private:
    std::optional<std::chrono::microseconds> difference_;
};

} // namespace z360::rt
