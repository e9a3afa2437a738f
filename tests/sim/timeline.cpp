// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "timeline.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace z360::testing {
namespace {

constexpr std::size_t k_nowhere = static_cast<std::size_t>(-1);
// Points of time that were never set lie long ago.
constexpr rt::clock::time_point k_first{std::chrono::hours{1'000}};

} // namespace

struct timeline::function final : rt::time_source::waiter {
    explicit function(std::function<void()> f) : what(std::move(f)) {}
    void wake(boost::system::error_code) override { what(); }
    std::function<void()> what;
};

timeline::timeline(time_point start) : start_(start) {
    rt::use_time_source(&source_);
}

timeline::~timeline() {
    rt::use_time_source(nullptr);
    for (auto& e : heap_)
        if (e.ours) delete e.who;
}

void timeline::at(time_point due, std::function<void()> what) {
    auto owned = std::make_unique<function>(std::move(what));
    push({std::max<passed>(due - start_, passed_), ++serial_, owned.get(), true});
    (void)owned.release(); // the heap has it
}

void timeline::jump(time_point t) {
    passed_ = std::max<passed>(passed_, t - start_);
}

void timeline::run_one() {
    const auto first = heap_.front();
    take(0);
    passed_ = std::max(passed_, first.due);
    const std::unique_ptr<rt::time_source::waiter> owned(first.ours ? first.who : nullptr);
    first.who->wake({});
}

rt::clock::time_point timeline::source::now() const noexcept {
    return k_first + of_.passed_;
}

void timeline::source::add(waiter& w, rt::clock::time_point due) {
    w.place = k_nowhere;
    if (due == rt::clock::time_point::max()) return; // waits to be told
    of_.push({std::max(due - k_first, of_.passed_), ++of_.serial_, &w, false});
}

void timeline::source::remove(waiter& w) {
    if (w.place != k_nowhere) of_.take(w.place);
}

void timeline::push(entry e) {
    heap_.push_back(e);
    put(heap_.size() - 1, e);
    up(heap_.size() - 1);
}

void timeline::take(std::size_t place) {
    heap_[place].who->place = k_nowhere;
    const auto last = heap_.back();
    heap_.pop_back();
    if (place == heap_.size()) return;
    put(place, last);
    up(place);
    down(last.who->place);
}

void timeline::put(std::size_t place, entry e) {
    heap_[place] = e;
    e.who->place = place;
}

void timeline::up(std::size_t place) {
    const auto e = heap_[place];
    for (; place > 0; place = (place - 1) / 2) {
        const auto above = heap_[(place - 1) / 2];
        if (!earlier(e, above)) break;
        put(place, above);
    }
    put(place, e);
}

void timeline::down(std::size_t place) {
    const auto e = heap_[place];
    for (;;) {
        auto below = place * 2 + 1;
        if (below >= heap_.size()) break;
        if (below + 1 < heap_.size() && earlier(heap_[below + 1], heap_[below])) ++below;
        if (!earlier(heap_[below], e)) break;
        put(place, heap_[below]);
        place = below;
    }
    put(place, e);
}

} // namespace z360::testing
