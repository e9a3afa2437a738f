// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/time.hpp>

#include <chrono>
#include <cstdint>
#include <deque>

namespace z360::adapter::telnyx {

/// Circuit breaker of one class of endpoints: opens when at least half of at least ten requests in the last
/// ten seconds failed, then lets one probe through at a time until one succeeds. Pure: time is handed in.
class breaker {
  public:
    using time = rt::clock::time_point;
    using duration = rt::clock::duration;

    enum class pass : std::uint8_t { yes, probe, no };

    explicit breaker(duration probe_every) : probe_every_(probe_every) {}
    /// Whether a request may leave. After `probe` the caller must report() or abandon_probe().
    [[nodiscard]] pass ask(time now);
    /// How long ask() will certainly say `no`; zero: it is worth asking.
    [[nodiscard]] duration closed_for(time now) const;
    /// Result of a request, whether or not it asked: requests that always pass tell about health too.
    void report(time now, bool healthy, bool was_probe);
    /// The probe was not sent or its result is unknown.
    void abandon_probe();
    [[nodiscard]] bool open() const { return open_; }

  private:
    struct sample {
        time at;
        bool healthy;
    };
    void trip(time now);

    duration probe_every_;
    std::deque<sample> window_; // bounded: older than ten seconds, or more than k_max_samples, is dropped
    std::size_t failures_ = 0;
    bool open_ = false;
    bool probing_ = false;
    time next_probe_{};
};

/// The right to probe an open breaker; given back if no answer came of it.
class probe_right {
  public:
    explicit probe_right(breaker& b) : breaker_(&b) {}
    ~probe_right() {
        if (breaker_ != nullptr) breaker_->abandon_probe();
    }
    probe_right(const probe_right&) = delete;
    probe_right& operator=(const probe_right&) = delete;
    void used() { breaker_ = nullptr; }

  private:
    breaker* breaker_;
};

} // namespace z360::adapter::telnyx
