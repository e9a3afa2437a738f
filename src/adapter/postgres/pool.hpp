// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Blocking libpqxx connections for coroutines: one thread, one connection each.
//
// It has threads of its own instead of rt::blocking_pool because a stopped server leaves its thread stuck in
// recv(): the waiting coroutine must be let go in bounded time, and the thread freed by shutting its socket.
#pragma once

#include "adapter/postgres/postgres.hpp"
#include "adapter/postgres/session.hpp"

#include <z360/port/errors.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace z360::adapter::postgres {

using steady = std::chrono::steady_clock;

/// One request. Owned by the waiting coroutine and by the worker; outlives whichever leaves first.
class job {
  public:
    job(boost::asio::any_io_executor loop, const char* name) : name(name), wake(std::move(loop)) {}
    virtual ~job() = default;
    virtual void execute(pqxx::connection_base& db) = 0;

    enum class stage { queued, running, over };

    const char* const name;
    steady::time_point queued_at = steady::now();
    stage now_in = stage::queued;   ///< under the pool's mutex
    bool abandoned = false;         ///< under the pool's mutex: nobody waits any more
    std::exception_ptr error;       ///< written by the worker before it posts
    boost::asio::steady_timer wake; ///< loop only
    bool finished = false;          ///< loop only
};

template <class F>
class job_of final : public job {
  public:
    using result = std::invoke_result_t<F&, pqxx::connection_base&>;
    job_of(boost::asio::any_io_executor loop, const char* name, F fn)
        : job(std::move(loop), name), fn_(std::move(fn)) {}
    void execute(pqxx::connection_base& db) override {
        if constexpr (std::is_void_v<result>)
            fn_(db);
        else
            out_.emplace(fn_(db));
    }
    result take() {
        if constexpr (!std::is_void_v<result>) return std::move(*out_);
    }

  private:
    F fn_;
    std::optional<std::conditional_t<std::is_void_v<result>, char, result>> out_;
};

/// A statement that is to be planned before it is needed.
struct warm_statement {
    std::string name; ///< under which it is prepared
    std::string sql;
    unsigned parameters = 0;
};

class pool {
  public:
    pool(database_settings s, port::metrics* m);
    ~pool();
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    /// Runs `fn(connection)` on a worker. `fn` owns all it needs: it may go on after this has given up.
    /// Throws port::unavailable within `limit` (default: acquire + statement timeout), statement_error, or
    /// what `fn` throws. Not cancellable, because it is bounded.
    template <class F>
    auto run(const char* name, F fn, millis limit = millis::zero())
        -> boost::asio::awaitable<std::invoke_result_t<F&, pqxx::connection_base&>> {
        auto ex = co_await boost::asio::this_coro::executor;
        auto j = std::make_shared<job_of<F>>(ex, name, std::move(fn));
        co_await carry_out(j, limit);
        co_return j->take();
    }

    [[nodiscard]] database_health health() const;
    /// Connections that have nothing to do plan these, from some seconds after their start: the first call
    /// that meets a connection does not wait for it. One that cannot be planned tells when it is used.
    void keep_warm(std::vector<warm_statement> statements);

  private:
    struct worker {
        std::thread thread;
        std::condition_variable ready; ///< there may be something to do
        std::shared_ptr<job> current;  ///< under the mutex
        int socket = -1;               ///< own duplicate of the connection's socket, under the mutex
        std::optional<session> db;     ///< the worker's alone
        unsigned losses_seen = 0;      ///< the worker's alone
        unsigned silences_seen = 0;    ///< the worker's alone
        steady::time_point warm_at{};  ///< the worker's alone: when it may go on with that
        std::size_t warmed = 0;        ///< the worker's alone: of keep_warm()
        std::optional<steady::time_point> warming_since; ///< under the mutex
    };

    boost::asio::awaitable<void> carry_out(std::shared_ptr<job> j, millis limit);
    void submit(const std::shared_ptr<job>& j);
    [[nodiscard]] bool give_up(const std::shared_ptr<job>& j, bool even_if_running);

    void work(worker& w);
    [[nodiscard]] std::shared_ptr<job> next(worker& w);
    [[nodiscard]] std::deque<std::shared_ptr<job>>::iterator next_job();
    [[nodiscard]] bool look_at_connection(worker& w, std::unique_lock<std::mutex>& lock);
    void warm_up(worker& w, std::unique_lock<std::mutex>& lock);
    void free_warming() const;
    void wake_all();
    void wake_one();
    void wait(worker& w, std::unique_lock<std::mutex>& lock, std::optional<steady::time_point> until);
    void serve(worker& w, job& j);
    void fail(job& j, std::string_view kind, const std::string& why);
    [[nodiscard]] std::string judge(const worker& w, job& j, const pqxx::failure& e);
    void connect(worker& w);
    [[nodiscard]] bool abandoned(const job& j) const;
    void disconnect(worker& w, const std::string& why);
    void hand_back(worker& w, std::shared_ptr<job> j);

    void note_connect_failure(const std::string& why);
    void note_up();
    void note_down(const std::string& why, std::unique_lock<std::mutex>& lock);
    void note_time(const job& j, steady::duration took);
    void count_failure(std::string_view kind);

    const database_settings settings_;
    port::metrics* const metrics_;
    servers servers_;
    std::atomic<bool> halt_{false}; ///< lets go of workers that are connecting
    mutable std::mutex mutex_;
    std::deque<std::shared_ptr<job>> queue_;
    std::vector<std::unique_ptr<worker>> workers_;
    std::vector<worker*> idle_;        ///< under the mutex: who waits, the one that was busy last at the end
    std::vector<warm_statement> warm_; ///< under the mutex
    bool somebody_warms_ = false;      ///< under the mutex
    unsigned connected_ = 0;
    unsigned connecting_ = 0;
    std::size_t committing_ = 0; ///< workers at a statement that may wait for its commit
    unsigned losses_ = 0;        ///< connections lost so far; each makes the idle ones look at their own
    unsigned silences_ =
        0; ///< statements given up without an answer; each makes the idle ones ask on their own
    unsigned failed_connects_ = 0; ///< in a row
    steady::time_point retry_at_{};
    enum class view { unknown, up, down } view_ = view::unknown;
    steady::time_point down_since_{};
    std::string error_;
    bool stopping_ = false;
};

} // namespace z360::adapter::postgres
