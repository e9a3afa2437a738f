// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/breaker.hpp"

namespace z360::adapter::telnyx {
namespace {

constexpr std::chrono::seconds k_window{10};
constexpr std::size_t k_min_samples = 10;
constexpr std::size_t k_max_samples = 4096;

} // namespace

breaker::pass breaker::ask(time now) {
    if (!open_) return pass::yes;
    if (probing_ || now < next_probe_) return pass::no;
    probing_ = true;
    next_probe_ = now + probe_every_;
    return pass::probe;
}

breaker::duration breaker::closed_for(time now) const {
    if (!open_) return duration::zero();
    if (now < next_probe_) return next_probe_ - now;
    return probing_ ? probe_every_ / 10 : duration::zero(); // a probe is out: look again soon
}

void breaker::report(time now, bool healthy, bool was_probe) {
    if (was_probe) probing_ = false;
    if (open_) {
        if (healthy) { // whoever got through proves that the way is free
            open_ = false;
            window_.clear();
            failures_ = 0;
        } else if (was_probe) {
            next_probe_ = now + probe_every_;
        }
        return;
    }
    while (!window_.empty() && (now - window_.front().at > k_window || window_.size() >= k_max_samples)) {
        if (!window_.front().healthy) --failures_;
        window_.pop_front();
    }
    window_.push_back({now, healthy});
    if (!healthy) ++failures_;
    if (window_.size() >= k_min_samples && failures_ * 2 >= window_.size()) trip(now);
}

void breaker::abandon_probe() {
    probing_ = false;
}

void breaker::trip(time now) {
    open_ = true;
    probing_ = false;
    next_probe_ = now + probe_every_;
    window_.clear();
    failures_ = 0;
}

} // namespace z360::adapter::telnyx
