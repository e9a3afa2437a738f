// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/push/health.hpp"

namespace z360::adapter::push {

using z360::push::lane;

namespace {

// Enough to see a share in; a busy second has more.
constexpr std::size_t k_most_samples = 2'000;

} // namespace

void health::forget(time now) {
    while (!window_.empty() && (window_.size() > k_most_samples || now - window_.front().at > k_window)) {
        if (window_.front().fault) --faults_;
        window_.pop_front();
    }
}

bool health::may_begin(lane of, time now) {
    if (!open_) return true;
    auto& pace = of == lane::call || of == lane::call_ended ? calls_ : others_;
    return pace.take(now, rt::clock::duration::zero()).has_value();
}

void health::report(bool fault, time now) {
    if (open_) {
        good_in_a_row_ = fault ? 0 : good_in_a_row_ + 1;
        if (good_in_a_row_ >= k_closes_after) reset();
        return;
    }
    window_.push_back({now, fault});
    if (fault) ++faults_;
    forget(now);
    if (window_.size() < k_least || faults_ * 2 < window_.size()) return;
    open_ = true;
    good_in_a_row_ = 0;
}

void health::reset() {
    window_.clear();
    faults_ = 0;
    open_ = false;
    good_in_a_row_ = 0;
}

} // namespace z360::adapter::push
