// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One after the other, before a connection is taken: whoever would wait for a lock in the database waits here
// and leaves the connections to other people.
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>

namespace z360::adapter::postgres {

/// A mutex for each key. On the loop's thread only; must outlive every lock.
class keyed_mutex {
    struct waiter {
        explicit waiter(boost::asio::any_io_executor ex) : timer(std::move(ex)) {}
        boost::asio::steady_timer timer;
        bool called = false;
    };

  public:
    /// Ends with its destruction: then the next one is called.
    class lock {
      public:
        lock(keyed_mutex& of, std::int64_t key) : of_(&of), key_(key) {}
        lock(lock&& other) noexcept : of_(std::exchange(other.of_, nullptr)), key_(other.key_) {}
        lock(const lock&) = delete;
        lock& operator=(const lock&) = delete;
        lock& operator=(lock&&) = delete;
        ~lock() {
            if (of_) of_->next(key_);
        }

      private:
        keyed_mutex* of_;
        std::int64_t key_;
    };

    /// Throws port::unavailable when it does not come within `limit`.
    [[nodiscard]] boost::asio::awaitable<lock> acquire(std::int64_t key, millis limit);

  private:
    void next(std::int64_t key);
    /// A key is here while somebody holds its mutex.
    std::unordered_map<std::int64_t, std::deque<std::shared_ptr<waiter>>> waiting_;
};

} // namespace z360::adapter::postgres
