// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/rt/sync.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace z360::edge::api {

/// One piece of work that any number of coroutines wait for. Whoever gives up waiting ends nothing: the work
/// belongs to a task group, not to the one who asked first.
template <class T>
class flight {
  public:
    explicit flight(boost::asio::any_io_executor ex) : ex_(std::move(ex)) {}

    /// The first result counts.
    void finish(T result) {
        if (result_) return;
        result_ = std::move(result);
        for (const auto& w : waiting_)
            w->set();
        waiting_.clear();
    }
    [[nodiscard]] const std::optional<T>& result() const { return result_; }
    /// Set when the result is there. An event has one waiter, hence one for each.
    [[nodiscard]] std::shared_ptr<rt::event> queue() {
        waiting_.push_back(std::make_shared<rt::event>(ex_));
        return waiting_.back();
    }

  private:
    boost::asio::any_io_executor ex_;
    std::optional<T> result_;
    std::vector<std::shared_ptr<rt::event>> waiting_;
};

/// The flight's result; nullopt: it did not come within `limit`.
template <class T>
boost::asio::awaitable<std::optional<T>>
landed(std::shared_ptr<flight<T>> f, std::chrono::steady_clock::duration limit) {
    if (!f->result()) {
        const auto signal = f->queue();
        (void)co_await signal->wait_for(limit);
    }
    co_return f->result();
}

} // namespace z360::edge::api
