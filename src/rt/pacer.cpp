// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/pacer.hpp>
#include <z360/rt/sync.hpp>

#include <algorithm>

namespace z360::rt {
namespace {

constexpr std::chrono::milliseconds k_look{50}; // how often a waiting one looks whether to go on
constexpr std::chrono::seconds k_longest_hold{30};
constexpr double k_slowest = 0.1;

clock::duration interval_of(double per_second) {
    const double rate = !(per_second > 0) ? 1.0 : std::max(per_second, k_slowest);
    return std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(1.0 / rate));
}

} // namespace

pacer::pacer(double per_second, unsigned burst)
    : interval_(interval_of(per_second)), slack_(interval_ * (std::max(burst, 1U) - 1)) {}

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
    next_ = std::max(next_, until); // who waited for its end must not come all at once
}

awaitable<bool> pace::turn(std::function<bool()> hurry) {
    const auto now = clock::now();
    const auto mine = now + turns_.take(now, clock::duration::max()).value_or(clock::duration::zero());
    for (;;) {
        if (closed_) co_return false;
        const auto left = mine - clock::now();
        if (left <= clock::duration::zero() || (hurry && hurry())) co_return true;
        co_await sleep_for(std::min<clock::duration>(left, k_look));
    }
}

void pace::hold(clock::duration pause) {
    turns_.pause(clock::now() + std::min<clock::duration>(pause, k_longest_hold));
}

} // namespace z360::rt
