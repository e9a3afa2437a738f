// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How long to wait before the next try. Pure: chance is handed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

namespace z360::rt {

/// A number in [0, 1).
using chance_source = std::function<double()>;
/// One with a seed of its own.
[[nodiscard]] chance_source random_chance();

/// The pause after so many failures in a row: `first` after one (or none), then twice as much each time,
/// never more than `longest`. What is negative counts as 0.
template <class Rep, class Period>
[[nodiscard]] constexpr std::chrono::duration<Rep, Period> growing(
    std::chrono::duration<Rep, Period> first, std::chrono::duration<Rep, Period> longest,
    std::uint64_t failures
) {
    using pause = std::chrono::duration<Rep, Period>;
    const auto most = std::max(longest, pause::zero());
    auto out = std::clamp(first, pause::zero(), most);
    for (std::uint64_t n = 1; n < failures && out > pause::zero() && out < most; ++n)
        out = out > most / 2 ? most : out * 2;
    return out;
}

/// Something between `least` and `most` times `pause`, as `chance` has it, so that those who failed together
/// do not come back together. A chance that is not a number counts as 0.
template <class Rep, class Period>
[[nodiscard]] std::chrono::duration<Rep, Period>
spread(std::chrono::duration<Rep, Period> pause, double least, double most, double chance) {
    using out = std::chrono::duration<Rep, Period>;
    const double share = !(chance > 0.0) ? 0.0 : std::min(chance, 1.0);
    const double ticks = static_cast<double>(pause.count()) * (least + (most - least) * share);
    if (ticks >= static_cast<double>(std::numeric_limits<Rep>::max())) return out::max();
    return out{static_cast<Rep>(std::llround(ticks))};
}

} // namespace z360::rt
