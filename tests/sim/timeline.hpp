// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace z360::testing {

/// Virtual time: what is due first happens first; at equal times in the order of asking.
class timeline {
  public:
    explicit timeline(time_point start) : now_(start) {}
    [[nodiscard]] time_point now() const { return now_; }

    void at(time_point due, std::function<void()> what) {
        heap_.push_back({std::max(due, now_), ++serial_, std::move(what)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    void after(millis wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] time_point next() const { return heap_.front().due; }
    void jump(time_point t) { now_ = std::max(now_, t); }
    void run_one() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        auto e = std::move(heap_.back());
        heap_.pop_back();
        now_ = e.due;
        e.what();
    }

  private:
    struct entry {
        time_point due;
        std::uint64_t serial;
        std::function<void()> what;
    };
    static bool later(const entry& a, const entry& b) {
        return a.due != b.due ? a.due > b.due : a.serial > b.serial;
    }
    time_point now_;
    std::uint64_t serial_ = 0;
    std::vector<entry> heap_;
};

} // namespace z360::testing
