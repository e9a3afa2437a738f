// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/pace.hpp"

#include <z360/rt/sync.hpp>

#include <algorithm>

namespace z360::engine {
namespace {

using steady = rt::clock;

constexpr steady::duration k_look = millis{50}; // how often a waiting one looks whether to go on
constexpr millis k_longest_hold{30'000};

} // namespace

pace::pace(double per_second)
    : gap_(std::chrono::duration_cast<steady::duration>(
          std::chrono::duration<double>(1.0 / std::max(0.1, per_second))
      )) {}

boost::asio::awaitable<bool> pace::turn(std::function<bool()> hurry) {
    const auto mine = std::max(next_, steady::now());
    next_ = mine + gap_;
    for (;;) {
        if (closed_) co_return false;
        const auto left = mine - steady::now();
        if (left <= steady::duration::zero() || (hurry && hurry())) co_return true;
        co_await rt::sleep_for(std::min(left, k_look));
    }
}

void pace::hold(millis pause) {
    next_ = std::max(next_, steady::now() + std::min(pause, k_longest_hold));
}

} // namespace z360::engine
