// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The only way off the loop: blocking work on a few threads, awaited from a coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace z360::rt {

/// Runs functions on worker threads. `run` may be called on the loop; the function runs on a worker and must
/// not touch loop state; its result or exception comes back on the loop. Not cancellable: who is cancelled
/// waits for the function, so give it its own time limits.
class blocking_pool {
  public:
    explicit blocking_pool(std::size_t threads) : pool_(threads) {}
    ~blocking_pool() { pool_.join(); }
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// The function is destroyed on the worker, before its result comes back.
    template <class F>
    auto run(F fn) -> boost::asio::awaitable<std::invoke_result_t<F&>> {
        using result = std::invoke_result_t<F&>;
        const auto out = std::make_shared<outcome<result>>();
        // Not co_spawn: a coroutine that is cancelled while it is on a worker throws there (Asio 1.26), and
        // that ends the process.
        auto start = [this, out, work = std::move(fn)](auto handler) mutable {
            auto ex = boost::asio::get_associated_executor(handler, pool_.get_executor());
            auto guard = boost::asio::make_work_guard(ex);
            boost::asio::post(
                pool_,
                [out, held = std::optional<F>(std::move(work)), back = std::move(handler),
                 loop = std::move(guard)]() mutable {
                    out->take(*held);
                    held.reset();
                    boost::asio::post(loop.get_executor(), std::move(back));
                }
            );
        };
        co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            std::move(start), boost::asio::use_awaitable
        );
        if (out->error) std::rethrow_exception(out->error);
        if constexpr (!std::is_void_v<result>) co_return std::move(*out->value);
    }

    /// Runs it on a worker, and nobody waits for it: for cleaning up where nothing can be awaited, as in a
    /// destructor. It has run, and is destroyed, before the pool is.
    template <class F>
        requires std::is_nothrow_invocable_v<F&>
    void run_unawaited(F fn) {
        boost::asio::post(pool_, std::move(fn));
    }

  private:
    // What a function came to. Written by the worker, read by the loop afterwards.
    template <class T>
    struct outcome {
        std::optional<T> value;
        std::exception_ptr error;
        template <class F>
        void take(F& fn) noexcept {
            try {
                value.emplace(fn());
            } catch (...) {
                error = std::current_exception();
            }
        }
    };

    boost::asio::thread_pool pool_;
};

/// Of a function that gives nothing.
template <>
struct blocking_pool::outcome<void> {
    std::exception_ptr error;
    template <class F>
    void take(F& fn) noexcept {
        try {
            fn();
        } catch (...) {
            error = std::current_exception();
        }
    }
};

} // namespace z360::rt
