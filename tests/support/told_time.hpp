// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Time for tests of one part: hours pass at once, in order.
#pragma once

#include <z360/rt/time.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <map>

namespace z360::testing {

/// Time that stands still until it is told to go on.
class told_time final : public rt::time_source {
  public:
    told_time() { rt::use_time_source(this); }
    ~told_time() override { rt::use_time_source(nullptr); }
    [[nodiscard]] rt::clock::time_point now() const noexcept override { return now_; }
    void add(waiter& w, rt::clock::time_point due) override {
        if (due != rt::clock::time_point::max()) waiting_.emplace(due, &w);
    }
    void remove(waiter& w) override {
        std::erase_if(waiting_, [&w](const auto& e) { return e.second == &w; });
    }
    /// Runs what can run; then the next moment; until nobody waits or `until` has come.
    void run(boost::asio::io_context& io, rt::clock::duration until) {
        const auto end = now_ + until;
        for (;;) {
            io.restart(); // it counts as stopped whenever nobody was left
            io.poll();
            if (waiting_.empty() || waiting_.begin()->first > end) break;
            const auto first = waiting_.begin();
            now_ = std::max(now_, first->first);
            auto* w = first->second;
            waiting_.erase(first);
            w->wake({});
        }
        now_ = end;
    }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  private:
    rt::clock::time_point now_{std::chrono::hours{1'000}};
    std::multimap<rt::clock::time_point, waiter*> waiting_;
};

} // namespace z360::testing
