// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Coroutine building blocks for one event loop (no locks inside; use them on the loop's thread only).
#pragma once

#include <z360/log.hpp>
#include <z360/rt/time.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <utility>

namespace z360::rt {

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;

namespace detail {
template <class T>
awaitable<void> into(awaitable<T> op, std::optional<T>* out) {
    *out = co_await std::move(op);
}
} // namespace detail

/// Runs `op`; cancels it when `limit` elapses; nullopt: timed out. An error of `op` is rethrown at once.
/// Returns only after both the operation and the timer have finished. A value that was ready while being
/// cancelled is returned, so a finished effect is never reported as timed out.
template <class T>
awaitable<std::optional<T>> with_timeout(awaitable<T> op, clock::duration limit) {
    auto ex = co_await asio::this_coro::executor;
    timer alarm(ex, limit);
    std::optional<T> value;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(ex, detail::into(std::move(op), &value), asio::deferred),
        alarm.async_wait(asio::deferred)
    );
    auto [order, op_error, timer_error] =
        co_await group.async_wait(asio::experimental::wait_for_one(), use_awaitable);
    (void)timer_error;
    if (order[0] == 0 && op_error) std::rethrow_exception(op_error);
    co_return value;
}

/// Waits. Throws system_error(operation_aborted) when cancelled.
[[nodiscard]] awaitable<void> sleep_for(clock::duration d);

/// Auto-reset event for one waiter: set() before wait() is remembered.
class event {
  public:
    explicit event(asio::any_io_executor ex) : timer_(std::move(ex)) {}
    void set();
    /// Throws system_error(operation_aborted) when cancelled.
    [[nodiscard]] awaitable<void> wait();
    /// true: signalled; false: `limit` passed first.
    [[nodiscard]] awaitable<bool> wait_for(clock::duration limit);

  private:
    timer timer_;
    bool signalled_ = false;
};

/// Owns every coroutine it starts; nothing outlives it. join() must have completed before destruction (else
/// std::terminate: a coroutine would touch freed memory).
class task_group {
  public:
    /// Receives what a child threw; by default a log line.
    using error_sink = std::function<void(std::exception_ptr)>;
    explicit task_group(asio::any_io_executor ex, error_sink on_error = {});
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group();

    /// Starts a coroutine. After join() began, new children are dropped unstarted.
    void spawn(awaitable<void> task);
    /// Cancels every child and waits for all of them.
    [[nodiscard]] awaitable<void> join();
    /// Waits, at most `limit`, until no child is left; does not cancel. true: all gone.
    [[nodiscard]] awaitable<bool> drain(clock::duration limit);
    [[nodiscard]] std::size_t size() const { return children_.size(); }

  private:
    asio::any_io_executor ex_;
    event idle_;
    error_sink on_error_;
    std::list<asio::cancellation_signal> children_;
    bool stopping_ = false;
};

/// Text of an exception, for the log.
[[nodiscard]] std::string what(const std::exception_ptr& e);

} // namespace z360::rt
