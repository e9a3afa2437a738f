// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The only way off the loop: blocking work on a few threads, awaited from a coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace z360::rt {

/// Runs functions on worker threads. `run` may be called on the loop; the function runs on a worker and must
/// not touch loop state; its result or exception comes back on the loop. Not cancellable once started: give
/// the function its own time limits.
class blocking_pool {
  public:
    explicit blocking_pool(std::size_t threads) : pool_(threads) {}
    ~blocking_pool() { pool_.join(); }
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    template <class F>
    auto run(F fn) -> boost::asio::awaitable<std::invoke_result_t<F&>> {
        using result = std::invoke_result_t<F&>;
        auto ex = pool_.get_executor();
        if constexpr (std::is_void_v<result>) {
            co_await boost::asio::co_spawn(ex, on_worker_void(std::move(fn)), boost::asio::use_awaitable);
        } else {
            // optional: Asio 1.26 default-constructs what a spawned coroutine returns
            std::optional<result> out =
                co_await boost::asio::co_spawn(ex, on_worker(std::move(fn)), boost::asio::use_awaitable);
            co_return std::move(*out);
        }
    }

  private:
    template <class F>
    static auto on_worker(F fn) -> boost::asio::awaitable<std::optional<std::invoke_result_t<F&>>> {
        co_return std::optional<std::invoke_result_t<F&>>(fn());
    }
    template <class F>
    static auto on_worker_void(F fn) -> boost::asio::awaitable<void> {
        fn();
        co_return;
    }
    boost::asio::thread_pool pool_;
};

} // namespace z360::rt
