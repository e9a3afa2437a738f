// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "credential/times.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace z360::credential {
namespace {

constexpr std::int64_t k_least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();

std::int64_t add(std::int64_t a, std::int64_t b) {
    if (b > 0 && a > k_most - b) return k_most;
    if (b < 0 && a < k_least - b) return k_least;
    return a + b;
}

std::int64_t negated(std::int64_t a) {
    return a == k_least ? k_most : -a;
}

/// Well-mixed bits of a device's id: neighbours must not rotate at the same time.
std::uint64_t mixed(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

} // namespace

time_point plus(time_point t, millis d) {
    return time_point{millis{add(t.time_since_epoch().count(), d.count())}};
}

time_point minus(time_point t, millis d) {
    return time_point{millis{add(t.time_since_epoch().count(), negated(d.count()))}};
}

time_point overlap_end(const identity& rotating, const policy& p) {
    return plus(rotating.superseded_at.value_or(rotating.created_at), p.overlap);
}

std::optional<time_point> rotation_due(const device& d, const identity& i, const policy& p) {
    if (!i.expires_at) return std::nullopt;
    const auto begin = i.activated_at.value_or(i.created_at);
    const auto life = std::max<std::int64_t>(
        0, add(i.expires_at->time_since_epoch().count(), negated(begin.time_since_epoch().count()))
    );
    // In hundredths of a percent: the share of life, plus or minus two percent of it.
    constexpr std::int64_t k_whole = 10'000;
    const auto spread = static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(d.id.value)) % 401) - 200;
    const auto share =
        std::clamp<std::int64_t>(std::min<std::int64_t>(p.rotate_percent, 100) * 100 + spread, 0, k_whole);
    const auto after = life / k_whole * share + life % k_whole * share / k_whole;
    return plus(begin, millis{after});
}

} // namespace z360::credential
