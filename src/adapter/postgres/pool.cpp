// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/pool.hpp"

#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/schema_error.hpp"

#include <z360/log.hpp>
#include <z360/rt/retry.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

constexpr millis k_first_backoff{50};
constexpr millis k_longest_backoff{1'000};
constexpr std::size_t k_kept_from_commits = 2; // connections
constexpr millis k_answer_limit{1'000};
constexpr millis k_warm_after{3'000}; // what starts and ends at once, a command for instance, need not
constexpr millis k_warm_limit{2'000}; // for one statement, before its connection is given up
constexpr millis k_warm_again{5'000}; // where a table was locked
constexpr millis k_warm_turn{50};     // between two looks whether it is one's turn

double seconds(steady::duration d) {
    return std::chrono::duration<double>(d).count();
}

// A decision that takes longer than this is acted upon from memory, which is worth an alarm.
constexpr millis k_slow_commit{400};

constexpr std::array<const char*, 9> k_failures = {"connect",    "down",     "busy",
                                                   "queue_full", "deadline", "lost",
                                                   "server",     "schema",   "statement_timeout"};

bool is_commit(std::string_view statement) {
    return statement == "call_begin" || statement == "call_step";
}

std::string_view kind_of(fault f, std::string_view sqlstate) {
    if (f == fault::schema) return "schema";
    return sqlstate == "57014" ? "statement_timeout" : "server";
}

// What may have to wait for a commit to become durable: events, calls, commands and the turns of their
// sweeps.
bool waits_for_commit(std::string_view statement) {
    constexpr std::string_view k_writes[] = {"call_begin", "call_step", "call_overdue", "change_notify",
                                             "command_",   "inbox_",    "turn_",        "question_"};
    return std::any_of(std::begin(k_writes), std::end(k_writes), [statement](std::string_view w) {
        return statement.starts_with(w);
    });
}

} // namespace

pool::pool(database_settings s, port::metrics* m)
    : settings_(std::move(s)), metrics_(m), servers_(settings_.url) {
    if (metrics_) { // figures of trouble are there from zero on
        metrics_->count("z360_postgres_slow_commits_total", {{"pool", settings_.name}}, 0);
        for (const char* kind : k_failures)
            metrics_->count("z360_postgres_failures_total", {{"pool", settings_.name}, {"kind", kind}}, 0);
    }
    for (unsigned i = 0; i < std::max(1U, settings_.connections); ++i)
        workers_.push_back(std::make_unique<worker>());
    for (auto& w : workers_) // they look at each other
        w->thread = std::thread([this, &of = *w] { work(of); });
}

pool::~pool() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        halt_ = true;
        queue_.clear();
        for (auto& w : workers_)
            if (w->socket >= 0) ::shutdown(w->socket, SHUT_RDWR);
    }
    wake_all();
    for (auto& w : workers_)
        w->thread.join();
}

database_health pool::health() const {
    const std::scoped_lock lock(mutex_);
    return {view_ == view::up, connected_, error_, losses_};
}

// ---- on the loop

asio::awaitable<void> pool::carry_out(std::shared_ptr<job> j, millis limit) {
    if (limit == millis::zero()) limit = settings_.acquire_timeout + settings_.statement_timeout;
    submit(j);
    const auto until = j->queued_at + limit;
    auto deadline = std::min(until, j->queued_at + settings_.acquire_timeout);
    const bool throwing = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    std::string failure;
    while (!j->finished) {
        if (steady::now() >= deadline) {
            if (give_up(j, deadline == until)) {
                failure = deadline == until ? "no answer in time" : "no free connection";
                break;
            }
            deadline = until;
        }
        j->wake.expires_at(deadline);
        (void)co_await j->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_await asio::this_coro::throw_if_cancelled(throwing);
    if (!failure.empty()) {
        count_failure(failure == "no answer in time" ? "deadline" : "busy");
        throw port::unavailable(std::string("postgres: ") + j->name + ": " + failure);
    }
    if (j->error) std::rethrow_exception(j->error);
}

void pool::submit(const std::shared_ptr<job>& j) {
    {
        const std::scoped_lock lock(mutex_);
        free_warming();
        // Away: one request at a time finds out whether it is back, the others do not wait for it.
        if (connected_ == 0 && view_ == view::down &&
            (steady::now() < retry_at_ || connecting_ > 0 || !queue_.empty())) {
            count_failure("down");
            throw port::unavailable("postgres is unreachable: " + error_);
        }
        if (queue_.size() >= settings_.max_queue) {
            count_failure("queue_full");
            throw port::unavailable("postgres: too many requests are waiting");
        }
        queue_.push_back(j);
        if (connected_ < workers_.size()) {
            wake_all(); // a single one might be a worker that may not connect yet
            return;
        }
        wake_one();
    }
}

void pool::wake_all() {
    for (const auto& w : workers_)
        w->ready.notify_one();
}

// The one that was busy last: its connection has what it needs in its caches. Under the mutex.
void pool::wake_one() {
    if (idle_.empty()) return; // whoever gets free looks
    auto* w = idle_.back();
    idle_.pop_back();
    w->ready.notify_one();
}

void pool::wait(worker& w, std::unique_lock<std::mutex>& lock, std::optional<steady::time_point> until) {
    idle_.push_back(&w);
    if (until)
        w.ready.wait_until(lock, *until);
    else
        w.ready.wait(lock);
    std::erase(idle_, &w);
}

// true: the job is out of the coroutine's hands. A running one loses its socket, which frees the worker.
bool pool::give_up(const std::shared_ptr<job>& j, bool even_if_running) {
    const std::scoped_lock lock(mutex_);
    if (j->now_in == job::stage::queued) {
        std::erase(queue_, j);
        return true;
    }
    if (!even_if_running || j->now_in == job::stage::over) return false; // over: its post is on the way
    for (auto& w : workers_) {
        if (w->current != j) continue;
        j->abandoned = true;
        if (w->socket < 0) continue; // still connecting
        ::shutdown(w->socket, SHUT_RDWR);
        ++silences_;
        wake_all();
    }
    return true;
}

// ---- on the workers

void pool::work(worker& w) {
    try { // not at the cost of the first request
        connect(w);
    } catch (const std::exception& e) {
        disconnect(w, one_line(e.what()));
        note_connect_failure(one_line(e.what()));
    }
    while (auto j = next(w)) {
        const auto began = steady::now();
        if (metrics_)
            metrics_->observe(
                "z360_postgres_wait_seconds", seconds(began - j->queued_at), {{"pool", settings_.name}}
            );
        serve(w, *j);
        note_time(*j, steady::now() - began);
        hand_back(w, std::move(j));
    }
    disconnect(w, "stopping");
}

std::shared_ptr<job> pool::next(worker& w) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (stopping_) return nullptr;
        if (look_at_connection(w, lock)) continue;
        const auto found = next_job();
        const bool any = found != queue_.end();
        if (any && (w.db || steady::now() >= retry_at_)) {
            auto j = std::move(*found);
            queue_.erase(found);
            if (waits_for_commit(j->name)) ++committing_;
            j->now_in = job::stage::running;
            w.current = j;
            return j;
        }
        if (!any && w.db && w.warmed < warm_.size()) {
            const auto now = steady::now();
            if (now >= w.warm_at && !somebody_warms_)
                warm_up(w, lock);
            else
                wait(w, lock, std::max(w.warm_at, now + k_warm_turn));
        } else if (!any || w.db) {
            wait(w, lock, std::nullopt);
        } else {
            wait(w, lock, retry_at_); // connected workers take the requests meanwhile
        }
    }
}

// Commits that hang (a dead synchronous standby, a locked table) must not take every connection: calls are
// still read, and numbers looked up.
std::deque<std::shared_ptr<job>>::iterator pool::next_job() {
    const bool full =
        workers_.size() > k_kept_from_commits && committing_ >= workers_.size() - k_kept_from_commits;
    return std::find_if(queue_.begin(), queue_.end(), [full](const auto& j) {
        return !full || !waits_for_commit(j->name);
    });
}

// What has befallen one connection is looked for at the idle ones, so that a failover does not cost a request
// for each of them. true: time has passed.
bool pool::look_at_connection(worker& w, std::unique_lock<std::mutex>& lock) {
    const bool silent = w.silences_seen != silences_;
    if (!w.db || (!silent && w.losses_seen == losses_)) return false;
    w.losses_seen = losses_;
    w.silences_seen = silences_;
    lock.unlock();
    if (w.db->stale())
        disconnect(w, "closed by the server");
    else if (silent && !w.db->answers(k_answer_limit))
        disconnect(w, "no answer");
    lock.lock();
    return true;
}

void pool::keep_warm(std::vector<warm_statement> statements) {
    {
        const std::scoped_lock lock(mutex_);
        std::move(statements.begin(), statements.end(), std::back_inserter(warm_));
    }
    wake_all();
}

// One statement at one connection at a time: all others are there for requests. By EXPLAIN, which plans and
// does nothing; the plan stays with the session. Planning takes locks, and must not wait for them.
void pool::warm_up(worker& w, std::unique_lock<std::mutex>& lock) {
    const auto what = warm_[w.warmed];
    w.warming_since = steady::now();
    somebody_warms_ = true;
    lock.unlock();
    bool locked = false;
    std::string nulls;
    for (unsigned n = 0; n < what.parameters; ++n)
        nulls += n == 0 ? "null" : ", null";
    try {
        w.db->prepare(what.name, what.sql);
        pqxx::work tx(*w.db);
        tx.exec("set local lock_timeout = '20ms'");
        w.db->prepare_now(what.name);
        tx.exec("explain execute \"" + what.name + "\"(" + nulls + ")");
        tx.commit();
    } catch (const pqxx::sql_error& e) {
        locked = sqlstate_of(e) == "55P03"; // else: who needs it hears of it
    } catch (const std::exception&) {
        // a connection that is gone shows below
    }
    if (!w.db->is_open()) disconnect(w, "connection lost");
    lock.lock();
    somebody_warms_ = false;
    w.warming_since.reset();
    if (locked)
        w.warm_at = steady::now() + k_warm_again;
    else
        ++w.warmed;
}

// Nobody waits for a connection that warms up, so whoever comes looks whether one hangs. Under the mutex.
void pool::free_warming() const {
    for (const auto& w : workers_)
        if (w->warming_since && steady::now() - *w->warming_since > k_warm_limit && w->socket >= 0)
            ::shutdown(w->socket, SHUT_RDWR);
}

void pool::serve(worker& w, job& j) {
    if (w.db && w.db->stale()) disconnect(w, "closed by the server");
    std::string lost;
    try {
        if (!w.db) connect(w);
    } catch (const std::exception& e) {
        const auto why = one_line(e.what());
        disconnect(w, why);
        note_connect_failure(why);
        fail(j, "connect", why);
        return;
    }
    if (abandoned(j)) return; // the connect took too long
    try {
        j.execute(*w.db);
    } catch (const pqxx::broken_connection&) {
        lost = "connection lost"; // libpqxx says nothing better
    } catch (const pqxx::in_doubt_error&) {
        lost = "connection lost while committing";
    } catch (const pqxx::failure& e) {
        lost = judge(w, j, e);
    } catch (...) {
        j.error = std::current_exception();
    }
    if (lost.empty() && !w.db->is_open()) lost = "connection lost";
    if (lost.empty()) return;
    if (!j.error) fail(j, "lost", lost);
    disconnect(w, lost);
}

void pool::fail(job& j, std::string_view kind, const std::string& why) {
    count_failure(kind);
    j.error = std::make_exception_ptr(port::unavailable(std::string("postgres: ") + j.name + ": " + why));
}

// What the job's error is; why the session must end, or nothing.
std::string pool::judge(const worker& w, job& j, const pqxx::failure& e) {
    const auto state = sqlstate_of(e);
    const auto whose = fault_of(state);
    const auto text = one_line(e.what());
    if (whose == fault::row || whose == fault::program) {
        j.error = std::make_exception_ptr(
            statement_error(std::string("postgres: ") + j.name + ": SQLSTATE " + state + ": " + text, state)
        );
        return {};
    }
    const auto said = "SQLSTATE " + state + ": " + text;
    fail(j, kind_of(whose, state), said);
    if (whose == fault::schema)
        j.error = std::make_exception_ptr(schema_error(said, std::string("postgres: ") + j.name + ": "));
    if (state == "25006")
        servers_.pass_over(w.db->server()); // read-only since a failover: the next host first
    return whose == fault::session ? text : std::string();
}

void pool::connect(worker& w) {
    {
        const std::scoped_lock lock(mutex_);
        ++connecting_;
    }
    const auto over = [this](void*) {
        const std::scoped_lock lock(mutex_);
        --connecting_;
    };
    const std::unique_ptr<void, decltype(over)> guard(&w, over);
    w.db.emplace(servers_, settings_.statement_timeout, &halt_);
    w.warm_at = steady::now() + k_warm_after;
    w.warmed = 0;
    const int copy = ::dup(w.db->sock()); // ours to shut from the loop: libpq may close its own at any time
    {
        const std::scoped_lock lock(mutex_);
        w.socket = copy;
        w.silences_seen = silences_;
        ++connected_;
        if (stopping_ && copy >= 0) ::shutdown(copy, SHUT_RDWR);
    }
    note_up();
}

void pool::disconnect(worker& w, const std::string& why) {
    if (!w.db) return;
    {
        std::unique_lock lock(mutex_);
        if (w.socket >= 0) ::close(w.socket);
        w.socket = -1;
        --connected_;
        ++losses_;
        if (connected_ == 0 && !stopping_ && why != "closed by the server") note_down(why, lock);
    }
    wake_all();
    w.db.reset();
}

bool pool::abandoned(const job& j) const {
    const std::scoped_lock lock(mutex_);
    return j.abandoned;
}

void pool::hand_back(worker& w, std::shared_ptr<job> j) {
    {
        const std::scoped_lock lock(mutex_);
        w.current.reset();
        j->now_in = job::stage::over;
        if (waits_for_commit(j->name)) --committing_;
        if (!queue_.empty()) wake_one(); // perhaps a commit that waited for its turn
    }
    auto ex = j->wake.get_executor();
    asio::post(ex, [j = std::move(j)] { // the job dies on the loop, where its timer lives
        j->finished = true;
        j->wake.cancel();
    });
}

// ---- what is known about the server

void pool::note_connect_failure(const std::string& why) {
    std::deque<std::shared_ptr<job>> hopeless;
    {
        std::unique_lock lock(mutex_);
        if (stopping_) return; // it was we who gave up
        const auto now = steady::now();
        if (now >= retry_at_) {
            retry_at_ = now + rt::growing(k_first_backoff, k_longest_backoff, ++failed_connects_);
        }
        if (connected_ == 0) {
            hopeless.swap(queue_);
            for (auto& j : hopeless)
                j->now_in = job::stage::over;
            note_down(why, lock);
        }
    }
    for (auto& j : hopeless) {
        count_failure("connect");
        j->error = std::make_exception_ptr(port::unavailable("postgres is unreachable: " + why));
        auto ex = j->wake.get_executor();
        asio::post(ex, [j = std::move(j)] {
            j->finished = true;
            j->wake.cancel();
        });
    }
}

void pool::note_up() {
    const std::scoped_lock lock(mutex_);
    failed_connects_ = 0;
    retry_at_ = {};
    if (view_ == view::down) {
        const auto away = std::chrono::duration_cast<millis>(steady::now() - down_since_).count();
        log::info("postgres_up", {{"pool", settings_.name}, {"down_ms", away}});
    }
    view_ = view::up;
    error_.clear();
    wake_all();
}

void pool::note_down(const std::string& why, std::unique_lock<std::mutex>&) {
    error_ = why;
    if (view_ == view::down) return;
    view_ = view::down;
    down_since_ = steady::now();
    log::error("postgres_down", {{"pool", settings_.name}, {"error", why}});
}

void pool::note_time(const job& j, steady::duration took) {
    if (!metrics_) return;
    metrics_->observe(
        "z360_postgres_statement_seconds", seconds(took), {{"pool", settings_.name}, {"statement", j.name}}
    );
    if (is_commit(j.name) && took > k_slow_commit)
        metrics_->count("z360_postgres_slow_commits_total", {{"pool", settings_.name}});
}

void pool::count_failure(std::string_view kind) {
    if (metrics_) metrics_->count("z360_postgres_failures_total", {{"pool", settings_.name}, {"kind", kind}});
}

// ---- database

database::database(database_settings s, port::metrics* m) : pool_(std::make_unique<pool>(std::move(s), m)) {}
database::~database() = default;

database_health database::health() const {
    return pool_->health();
}

asio::awaitable<clock_reading> database::ping() {
    auto ask = [](pqxx::connection_base& db) {
        pqxx::nontransaction tx(db);
        clock_reading r;
        r.asked = steady::now();
        const auto rows = tx.exec("select (extract(epoch from clock_timestamp()) * 1000000)::bigint");
        r.answered = steady::now();
        r.server += std::chrono::microseconds{rows[0][0].as<std::int64_t>()};
        return r;
    };
    co_return co_await pool_->run("ping", ask);
}

} // namespace z360::adapter::postgres
