// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/time.hpp>

#include <chrono>
#include <cstdint>
#include <deque>

namespace z360::rt {

/// When a breaker opens, and how often it is tried again.
struct breaker_settings {
    clock::duration probe_every{};   ///< from its opening to the first probe, and between probes
    clock::duration longest_pause{}; ///< above that: the pause doubles up to here while probes fail
    bool opens_at_once = false;      ///< the first failure opens it, whatever went well before
};

/// Circuit breaker of whatever is asked over the network: opens when at least half of at least ten requests
/// in the last ten seconds failed (or with the first failure, by setting), then lets one probe through at a
/// time until one succeeds. Pure: time is handed in. One thread.
class breaker {
  public:
    using time = clock::time_point;
    using duration = clock::duration;

    enum class pass : std::uint8_t { yes, probe, no };

    explicit breaker(duration probe_every) : breaker(breaker_settings{.probe_every = probe_every}) {}
    explicit breaker(breaker_settings s) : settings_(s) {}
    /// Whether a request may leave. After `probe` the caller must report() or abandon_probe().
    [[nodiscard]] pass ask(time now);
    /// How long ask() will certainly say `no`; zero: it is worth asking.
    [[nodiscard]] duration closed_for(time now) const;
    /// Result of a request, whether or not it asked: requests that always pass tell about health too. What
    /// fails while it is open counts only as a probe.
    void report(time now, bool healthy, bool was_probe);
    /// The probe was not sent or its result is unknown.
    void abandon_probe();
    /// As new: what was asked is gone, its successor is not to blame.
    void reset();
    [[nodiscard]] bool open() const { return failed_ > 0; }
    /// How often in a row it was not well: 1 when it opens, one more with each probe that fails; 0: closed.
    [[nodiscard]] unsigned failed_in_a_row() const { return failed_; }

  private:
    struct sample {
        time at;
        bool healthy;
    };
    [[nodiscard]] duration pause() const;
    void trip(time now);

    breaker_settings settings_;
    std::deque<sample> window_; // bounded: older than ten seconds, or more than k_max_samples, is dropped
    std::size_t failures_ = 0;  ///< in the window
    unsigned failed_ = 0;
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

} // namespace z360::rt
