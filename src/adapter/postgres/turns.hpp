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

/// Turns by key. On the loop's thread only; must outlive every turn.
class turns {
    struct waiter {
        explicit waiter(boost::asio::any_io_executor ex) : timer(std::move(ex)) {}
        boost::asio::steady_timer timer;
        bool called = false;
    };

  public:
    /// Ends with its destruction: then the next one is called.
    class turn {
      public:
        turn(turns& of, std::int64_t key) : of_(&of), key_(key) {}
        turn(turn&& other) noexcept : of_(std::exchange(other.of_, nullptr)), key_(other.key_) {}
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        turn& operator=(turn&&) = delete;
        ~turn() {
            if (of_) of_->next(key_);
        }

      private:
        turns* of_;
        std::int64_t key_;
    };

    /// Throws port::unavailable when it does not come within `limit`.
    [[nodiscard]] boost::asio::awaitable<turn> wait(std::int64_t key, millis limit);

  private:
    void next(std::int64_t key);
    /// A key is here while somebody has the turn.
    std::unordered_map<std::int64_t, std::deque<std::shared_ptr<waiter>>> waiting_;
};

} // namespace z360::adapter::postgres
