// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/redis/session.hpp"

#include <z360/port/metrics.hpp>
#include <z360/port/rate_limiter.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace z360::adapter::redis {

struct rate_settings {
    /// Buckets this process remembers; beyond it the one that was asked about longest ago is forgotten.
    std::size_t max_local = 50'000;
    /// Clock of the local buckets in µs, never going back; empty: the steady clock.
    std::function<std::int64_t()> now_us;
};

/// Buckets under `<prefix>rate:<key>`, by the clock of Redis, shared by all nodes. This process keeps copies
/// of the buckets it uses: when Redis does not answer in time it goes on from there, so that a loss of Redis
/// hands nobody a fresh burst, and tells Redis what it granted meanwhile when that is back. Counts
/// rate_limit_fallback_total. Session and metrics must outlive it.
[[nodiscard]] std::unique_ptr<port::rate_limiter>
make_rate_limiter(session& s, std::string prefix, port::metrics& m, rate_settings settings = {});
/// Without Redis: the limits of this process.
[[nodiscard]] std::unique_ptr<port::rate_limiter> make_local_rate_limiter(rate_settings settings = {});

} // namespace z360::adapter::redis
