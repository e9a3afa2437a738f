// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/clock_anchor.hpp>

#include <algorithm>

namespace z360::rt {
namespace {

using steady = clock_anchor::steady;
using micros = clock_anchor::micros;

constexpr std::size_t k_readings = 8;

micros since_start(steady::time_point t) {
    return std::chrono::floor<micros>(t.time_since_epoch());
}

} // namespace

// The shortest way there and back is the one whose middle is known best; of equal ones the latest.
clock_anchor::reading clock_anchor::best_of(const std::deque<reading>& all) {
    auto best = all.back();
    for (auto r = all.rbegin(); r != all.rend(); ++r)
        if (r->round_trip < best.round_trip) best = *r;
    return best;
}

clock_anchor::clock_anchor(steady::time_point at, std::chrono::sys_time<micros> system)
    : base_(at), base_time_(system.time_since_epoch()) {}

// What of the correction has been carried out `elapsed` after base_. Less than `elapsed` in size, so that
// time goes on however much of it is to be taken back.
micros clock_anchor::applied(micros elapsed) const {
    const micros most = std::max(elapsed, micros{0}) / slew_;
    return std::clamp(left_, -most, most);
}

micros clock_anchor::time(steady::time_point at) const {
    const auto elapsed = std::chrono::floor<micros>(at - base_);
    return base_time_ + elapsed + applied(elapsed);
}

time_point clock_anchor::now(steady::time_point at) const {
    return time_point{std::chrono::floor<millis>(time(at))};
}

micros clock_anchor::correction(steady::time_point at) const {
    return left_ - applied(std::chrono::floor<micros>(at - base_));
}

std::optional<micros> clock_anchor::skew(steady::time_point at, std::chrono::sys_time<micros> system) const {
    if (!offset_) return std::nullopt;
    return system.time_since_epoch() - (*offset_ + since_start(at));
}

bool clock_anchor::sample(steady::time_point at, const clock_sample& s) {
    const auto took = std::chrono::ceil<micros>(s.answered - s.asked);
    if (took < micros{0} || took > k_longest_round_trip) return false;
    const reading r{s.theirs.time_since_epoch() + took / 2 - since_start(s.answered), took};
    const auto difference = r.offset + since_start(at) - time(at);
    if (anchored_ && std::chrono::abs(difference) > k_far) return take_far(at, r);
    far_.clear();
    near_.push_back(r);
    if (near_.size() > k_readings) near_.pop_front();
    const auto best = best_of(near_);
    if (!anchored_) {
        anchored_ = true;
        base_ = at;
        base_time_ = best.offset + since_start(at);
    }
    aim(at, best.offset, k_slew);
    return true;
}

// One answer may be nonsense; a row of them is a server with another clock.
bool clock_anchor::take_far(steady::time_point at, const reading& r) {
    far_.push_back(r);
    if (far_.size() > k_far_in_a_row) far_.pop_front();
    if (far_.size() < k_far_in_a_row) return false;
    near_.clear();
    aim(at, best_of(far_).offset, k_fast_slew);
    return true;
}

void clock_anchor::aim(steady::time_point at, micros offset, std::int64_t slew) {
    const auto reached = time(at);
    base_ = at;
    base_time_ = reached;
    offset_ = offset;
    left_ = offset + since_start(at) - reached;
    slew_ = slew;
}

std::optional<millis>
step_watch::look(steady::time_point at, std::chrono::sys_time<std::chrono::microseconds> system) {
    const auto difference = system.time_since_epoch() - since_start(at);
    const auto before = difference_.value_or(difference);
    difference_ = difference;
    if (std::chrono::abs(difference - before) <= k_step) return std::nullopt;
    return std::chrono::round<millis>(difference - before);
}

} // namespace z360::rt
