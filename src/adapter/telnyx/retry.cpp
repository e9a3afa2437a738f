// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/retry.hpp"

#include <z360/rt/retry.hpp>

#include <algorithm>
#include <iterator>

namespace z360::adapter::telnyx {
namespace {

constexpr millis k_steps[] = {millis{250}, millis{750}, millis{2'000}};
constexpr millis k_longest{4'000};
// A bridge has three seconds in all: it keeps the short pause.
constexpr std::size_t k_bridge_steps = 2;
constexpr unsigned k_max_bridge_hiccups = 2;
constexpr double k_spread = 0.1;

} // namespace

std::optional<millis> retry_plan::next(const classified& failed, double jitter) {
    if (failed.what == answer_class::insist) // never earlier: the refusal will not pass in a moment
        return std::max(insist_every_, failed.after.value_or(millis{0})) +
               rt::spread(insist_every_, 0, k_spread, jitter);
    if (failed.bridge_hiccup && ++bridge_hiccups_ > k_max_bridge_hiccups) return std::nullopt;
    if (failed.server_fault && !resent_at_once_ && !failed.after) {
        resent_at_once_ = true;
        return millis{0};
    }
    const std::size_t last = verb_ == call::verb::bridge ? k_bridge_steps - 1 : std::size(k_steps);
    const std::size_t step = std::min<std::size_t>(steps_++, last);
    // Beyond the table anything between half and all of the longest pause; within it 10 % either way, so that
    // calls that failed together do not come back together.
    const millis pause = step >= std::size(k_steps)
                             ? rt::spread(k_longest, 0.5, 1, jitter)
                             : rt::spread(k_steps[step], 1 - k_spread, 1 + k_spread, jitter);
    if (!failed.after) return pause;
    return std::max(pause, *failed.after + rt::spread(k_steps[0], 0, 1, jitter));
}

} // namespace z360::adapter::telnyx
