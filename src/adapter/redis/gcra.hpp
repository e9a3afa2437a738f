// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The arithmetic of a rate limit: the generic cell rate algorithm (GCRA). Pure; times are µs of any one
// clock.
#pragma once

#include <z360/port/rate_limiter.hpp>

#include <algorithm>
#include <cstdint>

namespace z360::adapter::redis {

/// A limit in the terms of the algorithm. The bucket holds `limit` requests; one comes back every `interval`.
/// Hence in any time t at most limit + t/interval requests pass, and `limit` at once.
struct gcra_terms {
    std::int64_t interval_us = 1; ///< rounded up: never more than the limit asks for
    std::int64_t capacity_us = 1; ///< time in which an empty bucket is full again

    [[nodiscard]] static constexpr gcra_terms of(const port::rate& r) {
        const auto limit = static_cast<std::int64_t>(std::max(1U, r.limit));
        const std::int64_t window = std::max<std::int64_t>(1, r.window.count()) * 1'000;
        const std::int64_t interval = (window + limit - 1) / limit;
        return {interval, interval * limit};
    }
};

/// What one request meets.
struct gcra_answer {
    bool allowed = true;
    std::int64_t debt_us = 0;  ///< until the bucket is full, this request included when it was allowed
    std::int64_t retry_us = 0; ///< until a request would pass; 0 when allowed
};

/// `debt_us`: what is missing in the bucket now, as the time in which it comes back; anything is tolerated
/// there (a clock that was set back, another limit than last time).
[[nodiscard]] constexpr gcra_answer gcra(std::int64_t debt_us, const gcra_terms& t) {
    const std::int64_t debt = std::clamp<std::int64_t>(debt_us, 0, t.capacity_us);
    if (debt + t.interval_us <= t.capacity_us) return {true, debt + t.interval_us, 0};
    return {false, debt, debt + t.interval_us - t.capacity_us};
}

/// In the words of the port: milliseconds, rounded up so that whoever waits exactly so long is let in.
[[nodiscard]] constexpr port::rate_verdict
verdict_of(const gcra_answer& a, const port::rate& r, const gcra_terms& t) {
    constexpr auto k_up = [](std::int64_t us) { return millis((us + 999) / 1'000); };
    port::rate_verdict out;
    out.allowed = a.allowed;
    out.limit = r.limit;
    out.remaining = static_cast<unsigned>((t.capacity_us - a.debt_us) / t.interval_us);
    out.retry_after = k_up(a.retry_us);
    out.reset_after = k_up(a.debt_us);
    return out;
}

} // namespace z360::adapter::redis
