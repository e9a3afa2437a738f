// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A share of something scarce for each address: who sends much waits behind itself, not others behind it.
#pragma once

#include <z360/base/time.hpp>
#include <z360/rt/sync.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace z360::edge::api {

/// `at_once` places for each subject; `waiting` more of it wait for one, first come, first served, at most
/// `limit`. On the loop's thread only.
class places {
  public:
    struct terms {
        std::size_t at_once = 1;
        std::size_t waiting = 0;
        millis limit{2'000};
    };
    explicit places(terms t) : terms_(t) {}
    places(const places&) = delete;
    places& operator=(const places&) = delete;

    /// A place, given back at its end.
    class ticket {
      public:
        ticket() = default;
        ticket(places& of, std::string subject) : of_(&of), subject_(std::move(subject)) {}
        ~ticket() {
            if (of_ != nullptr) of_->leave(subject_);
        }
        ticket(ticket&& o) noexcept : of_(std::exchange(o.of_, nullptr)), subject_(std::move(o.subject_)) {}
        ticket& operator=(ticket&&) = delete;
        ticket(const ticket&) = delete;
        ticket& operator=(const ticket&) = delete;
        [[nodiscard]] bool has_one() const { return of_ != nullptr; }

      private:
        places* of_ = nullptr;
        std::string subject_;
    };

    /// A ticket without a place: too many wait already, or none became free in time. Throws only when the
    /// awaiting coroutine is cancelled.
    [[nodiscard]] boost::asio::awaitable<ticket> enter(std::string subject);

  private:
    struct waiter {
        explicit waiter(boost::asio::any_io_executor ex) : called(std::move(ex)) {}
        rt::event called;
        bool has_place = false;
    };
    struct queue {
        std::size_t inside = 0;
        std::list<std::shared_ptr<waiter>> line;
    };
    void leave(const std::string& subject);

    terms terms_;
    std::unordered_map<std::string, queue> queues_; ///< of subjects that hold a place
};

} // namespace z360::edge::api
