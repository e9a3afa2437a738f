// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Randomness that gives the same numbers from the same seed on every platform (std:: distributions do not).
#pragma once

#include <z360/base/time.hpp>

#include <cstdint>

namespace z360::testing {

class chance {
  public:
    explicit chance(std::uint64_t seed) : state_(seed) {}
    /// splitmix64
    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }
    /// Both ends included.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
    }
    millis span(std::int64_t low_ms, std::int64_t high_ms) { return millis{between(low_ms, high_ms)}; }
    bool percent(int p) { return between(0, 99) < p; }
    double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  private:
    std::uint64_t state_;
};

} // namespace z360::testing
