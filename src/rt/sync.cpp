// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/rt/sync.hpp>

#include <string>

namespace z360::rt {

awaitable<void> sleep_for(clock::duration d) {
    auto ex = co_await asio::this_coro::executor;
    timer alarm(ex, d);
    co_await alarm.async_wait(use_awaitable);
}

void event::set() {
    signalled_ = true;
    timer_.cancel(); // wakes the waiter, if there is one; the flag is what counts
}

awaitable<void> event::wait() {
    while (!signalled_) {
        timer_.expires_at(clock::time_point::max());
        auto [ec] = co_await timer_.async_wait(asio::as_tuple(use_awaitable));
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        (void)ec;
    }
    signalled_ = false;
}

awaitable<bool> event::wait_for(clock::duration limit) {
    const auto until = clock::now() + limit;
    while (!signalled_) {
        if (clock::now() >= until) co_return false;
        timer_.expires_at(until);
        auto [ec] = co_await timer_.async_wait(asio::as_tuple(use_awaitable));
        auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        (void)ec;
    }
    signalled_ = false;
    co_return true;
}

std::string what(const std::exception_ptr& e) {
    if (!e) return {};
    try {
        std::rethrow_exception(e);
    } catch (const std::exception& x) {
        return x.what();
    } catch (...) {
        return "unknown exception";
    }
}

task_group::task_group(asio::any_io_executor ex, error_sink on_error)
    : ex_(ex), idle_(ex), on_error_(std::move(on_error)) {
    if (!on_error_)
        on_error_ = [](const std::exception_ptr& e) { log::error("task_failed", {{"error", what(e)}}); };
}

task_group::~task_group() {
    if (!children_.empty()) std::terminate();
}

void task_group::spawn(awaitable<void> task) {
    if (stopping_) return;
    auto child = children_.emplace(children_.end());
    auto done = [this, child](const std::exception_ptr& e) {
        children_.erase(child);
        if (e && !stopping_) on_error_(e);
        if (children_.empty()) idle_.set();
    };
    asio::co_spawn(ex_, std::move(task), asio::bind_cancellation_slot(child->slot(), std::move(done)));
}

awaitable<void> task_group::join() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    stopping_ = true;
    // A child may finish, and erase itself, while its signal is emitted: step first.
    for (auto it = children_.begin(); it != children_.end();)
        (it++)->emit(asio::cancellation_type::terminal);
    while (!children_.empty())
        co_await idle_.wait();
}

awaitable<bool> task_group::drain(clock::duration limit) {
    const auto until = clock::now() + limit;
    while (!children_.empty()) {
        const auto left = until - clock::now();
        if (left <= clock::duration::zero()) co_return false;
        (void)co_await idle_.wait_for(left);
    }
    co_return true;
}

} // namespace z360::rt
