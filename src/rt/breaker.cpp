// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/breaker.hpp>
#include <z360/rt/retry.hpp>

#include <algorithm>

namespace z360::rt {
namespace {

constexpr std::chrono::seconds k_window{10};
constexpr std::size_t k_min_samples = 10;
constexpr std::size_t k_max_samples = 4096;

} // namespace

breaker::pass breaker::ask(time now) {
    if (!open()) return pass::yes;
    if (probing_ || now < next_probe_) return pass::no;
    probing_ = true;
    next_probe_ = now + pause();
    return pass::probe;
}

breaker::duration breaker::closed_for(time now) const {
    if (!open()) return duration::zero();
    if (now < next_probe_) return next_probe_ - now;
    return probing_ ? pause() / 10 : duration::zero(); // a probe is out: look again soon
}

void breaker::report(time now, bool healthy, bool was_probe) {
    if (was_probe) probing_ = false;
    if (open()) {
        if (healthy) { // whoever got through proves that the way is free
            reset();
        } else if (was_probe) {
            ++failed_;
            next_probe_ = now + pause();
        }
        return;
    }
    while (!window_.empty() && (now - window_.front().at > k_window || window_.size() >= k_max_samples)) {
        if (!window_.front().healthy) --failures_;
        window_.pop_front();
    }
    window_.push_back({now, healthy});
    if (!healthy) ++failures_;
    const bool many = window_.size() >= k_min_samples && failures_ * 2 >= window_.size();
    if (many || (settings_.opens_at_once && !healthy)) trip(now);
}

void breaker::abandon_probe() {
    probing_ = false;
}

void breaker::reset() {
    failed_ = 0;
    probing_ = false;
    window_.clear();
    failures_ = 0;
}

breaker::duration breaker::pause() const {
    return growing(settings_.probe_every, std::max(settings_.probe_every, settings_.longest_pause), failed_);
}

void breaker::trip(time now) {
    reset();
    failed_ = 1;
    next_probe_ = now + pause();
}

} // namespace z360::rt
