// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a provider takes pushes at the moment. Pure: time is handed in.
#pragma once

#include <z360/push/kind.hpp>
#include <z360/rt/pacer.hpp>
#include <z360/rt/time.hpp>

#include <array>
#include <cstddef>
#include <deque>

namespace z360::adapter::push {

/// Breaker of one provider's credential and environment. Open, it sheds retries at once, so that other ways
/// to ring go on; first attempts go on as probes at a bounded pace, those of calls and their ends at another
/// pace than the rest, which they are not to wait for. One loop, no locks.
class health {
  public:
    using time = rt::clock::time_point;

    static constexpr std::size_t k_least = 20; ///< attempts in the window, before it can open
    static constexpr std::chrono::seconds k_window{10};
    static constexpr unsigned k_closes_after = 3; ///< successes in a row
    static constexpr double k_probes = 5;         ///< a second, of calls
    static constexpr double k_other_probes = 1;   ///< a second, of all else

    /// Whether the first attempt of a push may leave.
    [[nodiscard]] bool may_begin(z360::push::lane of, time now);
    /// What came of an attempt: `fault`, the provider's, not a device's.
    void report(bool fault, time now);
    [[nodiscard]] bool open() const { return open_; }
    /// As new: the credential is another one.
    void reset();

  private:
    struct sample {
        time at;
        bool fault;
    };
    void forget(time now);

    std::deque<sample> window_;
    std::size_t faults_ = 0; ///< in the window
    bool open_ = false;
    unsigned good_in_a_row_ = 0;
    rt::pacer calls_{k_probes, 1};
    rt::pacer others_{k_other_probes, 1};
};

} // namespace z360::adapter::push
