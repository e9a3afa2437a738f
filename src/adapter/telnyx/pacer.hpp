// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/time.hpp>

#include <chrono>
#include <optional>

namespace z360::adapter::telnyx {

/// Spreads requests: so many a second, after a rest a few at once. Turns are given in the order in which they
/// are asked for. Pure: time is handed in.
class pacer {
  public:
    using time = rt::clock::time_point;
    using duration = rt::clock::duration;

    /// Neither may be 0.
    pacer(unsigned per_second, unsigned burst);
    /// Takes the next turn and tells how long to wait for it. nullopt: longer than `at_most`; none was taken.
    [[nodiscard]] std::optional<duration> take(time now, duration at_most);
    /// How long a turn would take that is asked for now.
    [[nodiscard]] duration wait(time now) const;
    /// Nobody's turn comes before `until`: the other side asked for a pause.
    void pause(time until);

  private:
    duration interval_;
    duration slack_; ///< how far turns may run ahead of the pace
    time next_{};    ///< when the next turn is due at an even pace
    time paused_until_{};
};

} // namespace z360::adapter::telnyx
