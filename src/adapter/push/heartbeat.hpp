// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/port/effect_runner.hpp>
#include <z360/rt/sync.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace z360::adapter::push {

namespace detail {
/// Asks again and again, until it is cancelled: the answer is for the claim that the question renews.
inline boost::asio::awaitable<void>
heartbeat(port::still_wanted wanted, unsigned attempt, rt::clock::duration every) {
    for (;;) {
        co_await rt::sleep_for(every);
        try {
            (void)co_await wanted(attempt);
        } catch (const boost::system::system_error&) {
            // cancelled: the sleep says so
        } catch (const std::exception& e) {
            log::warn("push_claim_not_kept", {{"why", e.what()}});
        }
    }
}
} // namespace detail

/// Runs `op`. An answer may take longer than a claim lasts: meanwhile the claim is kept by asking whether the
/// push is wanted. Returns once both have ended.
template <class T>
boost::asio::awaitable<T> with_heartbeat(
    boost::asio::awaitable<T> op, port::still_wanted wanted, unsigned attempt, rt::clock::duration every
) {
    namespace asio = boost::asio;
    auto ex = co_await asio::this_coro::executor;
    std::optional<T> value;
    auto group = asio::experimental::make_parallel_group(
        asio::co_spawn(ex, rt::detail::into(std::move(op), &value), asio::deferred),
        asio::co_spawn(ex, detail::heartbeat(std::move(wanted), attempt, every), asio::deferred)
    );
    auto [order, op_error, heartbeat_error] =
        co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    (void)order;
    (void)heartbeat_error;
    if (value) co_return std::move(*value);
    if (op_error) std::rethrow_exception(op_error);
    throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace z360::adapter::push
