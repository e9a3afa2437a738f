// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One run that many wait for, each as long as its own budget allows. One loop, no locks.
#pragma once

#include <z360/rt/sync.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

namespace z360::rt {

/// A run under way and what came of it. Lives as long as the run or anybody who waits.
template <class T>
struct flight {
    clock::time_point until; ///< the longest budget of those who wait
    bool landed = false;
    std::optional<T> result;  ///< nullopt with `landed`: failed, or stopped
    std::exception_ptr error; ///< why it failed
    std::list<event*> waiting;
};

/// The flights of a kind, by what they are about. Whoever gives up waiting ends nothing: the run belongs to a
/// task group, not to the one who asked first. Outlives its flights.
template <class Key, class T>
class flights {
  public:
    using pointer = std::shared_ptr<flight<T>>;

    /// The flight about `key`; `created`: it must be started, and its `landing` goes with it.
    pointer join(Key key, clock::time_point until, bool& created) {
        auto& f = by_key_[key];
        created = f == nullptr;
        if (created) f = std::make_shared<flight<T>>();
        f->until = std::max(f->until, until);
        return f;
    }

    [[nodiscard]] bool under_way(const Key& key) const { return by_key_.contains(key); }
    [[nodiscard]] std::size_t size() const { return by_key_.size(); }

    class landing;
    using end = std::unique_ptr<landing>;

    /// Ends the flight when it dies with the coroutine that flies it, however that happens and even if it
    /// never ran, and wakes everybody.
    class landing {
      public:
        landing(flights& all, Key key, pointer f) : all_(all), key_(key), f_(std::move(f)) {}
        landing(const landing&) = delete;
        landing& operator=(const landing&) = delete;
        ~landing() {
            f_->landed = true;
            all_.by_key_.erase(key_);
            for (auto* w : f_->waiting)
                w->set();
        }

      private:
        flights& all_;
        Key key_;
        pointer f_;
    };

    /// true: it has landed; false: `until` passed first.
    static awaitable<bool> wait(pointer f, clock::time_point until) {
        auto ex = co_await asio::this_coro::executor;
        event wake(ex);
        const seat mine(*f, wake);
        while (!f->landed) {
            const auto left = until - clock::now();
            if (left <= clock::duration::zero()) co_return false;
            (void)co_await wake.wait_for(left);
        }
        co_return true;
    }

  private:
    struct seat {
        seat(flight<T>& f, event& wake) : in(f), at(f.waiting.insert(f.waiting.end(), &wake)) {}
        seat(const seat&) = delete;
        seat& operator=(const seat&) = delete;
        ~seat() { in.waiting.erase(at); }
        flight<T>& in;
        std::list<event*>::iterator at;
    };
    std::unordered_map<Key, pointer> by_key_;
};

} // namespace z360::rt
