// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/base/time.hpp>
#include <z360/rt/time.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace z360::testing {

/// Virtual time for everything in this process, as long as it lives: what is due first happens first; at
/// equal times in the order of asking.
class timeline {
  public:
    explicit timeline(time_point start);
    timeline(const timeline&) = delete;
    timeline& operator=(const timeline&) = delete;
    ~timeline();

    /// Wall time, in whole milliseconds.
    [[nodiscard]] time_point now() const { return start_ + std::chrono::floor<millis>(passed_); }
    void at(time_point due, std::function<void()> what);
    void after(millis wait, std::function<void()> what) { at(now() + wait, std::move(what)); }
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    /// Of the entry that is due first. Only if there is one.
    [[nodiscard]] time_point next() const { return start_ + std::chrono::ceil<millis>(heap_.front().due); }
    void jump(time_point t);
    void run_one();

  private:
    using passed = rt::clock::duration;
    struct entry {
        passed due;
        std::uint64_t serial;
        rt::time_source::waiter* who;
        bool ours; ///< a function of at(): deleted here
    };
    struct function;
    class source final : public rt::time_source {
      public:
        explicit source(timeline& of) : of_(of) {}
        [[nodiscard]] rt::clock::time_point now() const noexcept override;
        void add(waiter& w, rt::clock::time_point due) override;
        void remove(waiter& w) override;

      private:
        timeline& of_;
    };
    static bool earlier(const entry& a, const entry& b) {
        return a.due != b.due ? a.due < b.due : a.serial < b.serial;
    }
    void push(entry e);
    void take(std::size_t place);
    void put(std::size_t place, entry e);
    void up(std::size_t place);
    void down(std::size_t place);

    time_point start_;
    passed passed_{};
    std::uint64_t serial_ = 0;
    std::vector<entry> heap_; ///< smallest in front; each waiter knows its place
    source source_{*this};
};

} // namespace z360::testing
