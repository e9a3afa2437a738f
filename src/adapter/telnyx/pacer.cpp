// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/pacer.hpp"

#include <algorithm>

namespace z360::adapter::telnyx {

pacer::pacer(unsigned per_second, unsigned burst)
    : interval_(std::chrono::duration_cast<duration>(std::chrono::seconds{1}) / std::max(per_second, 1U)),
      slack_(interval_ * (std::max(burst, 1U) - 1)) {}

pacer::duration pacer::wait(time now) const {
    const auto turn = std::max(next_ - slack_, paused_until_);
    return std::max(turn - now, duration::zero());
}

std::optional<pacer::duration> pacer::take(time now, duration at_most) {
    const auto pause = wait(now);
    if (pause > at_most) return std::nullopt;
    // An idle time fills the burst up, no further.
    next_ = std::max(next_, now) + interval_;
    return pause;
}

void pacer::pause(time until) {
    paused_until_ = std::max(paused_until_, until);
}

} // namespace z360::adapter::telnyx
