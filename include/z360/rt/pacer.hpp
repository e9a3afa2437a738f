// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>

namespace z360::rt {

/// Spreads requests: so many a second, after a rest a few at once. Turns are given in the order in which they
/// are asked for. Pure: time is handed in.
class pacer {
  public:
    using time = clock::time_point;
    using duration = clock::duration;

    /// 0 of either, or less, counts as 1; less than one in ten seconds as that.
    pacer(double per_second, unsigned burst);
    /// Takes the next turn and tells how long to wait for it. nullopt: longer than `at_most`; none was taken.
    [[nodiscard]] std::optional<duration> take(time now, duration at_most);
    /// How long a turn would take that is asked for now.
    [[nodiscard]] duration wait(time now) const;
    /// The other side asked for a pause: no turn that is not given away yet comes before `until`, and then
    /// they come as after a rest.
    void pause(time until);

  private:
    duration interval_;
    duration slack_; ///< how far turns may run ahead of the pace
    time next_{};    ///< when the next turn is due at an even pace
    time paused_until_{};
};

/// A pacer that is waited at, one turn after another without bursts. One loop, no locks.
class pace {
  public:
    /// As of pacer.
    explicit pace(double per_second) : turns_(per_second, 1) {}
    /// Waits for the next free turn, first come, first served, or until `hurry` says that somebody waits for
    /// it. false: closed, make no request.
    boost::asio::awaitable<bool> turn(std::function<bool()> hurry = {});
    /// The other side asked for a pause, of which half a minute is granted.
    void hold(clock::duration pause);
    /// From now on nobody gets a turn; those who wait learn it within a moment.
    void close() { closed_ = true; }

  private:
    pacer turns_;
    bool closed_ = false;
};

} // namespace z360::rt
