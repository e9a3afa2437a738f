// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The webhook inbox. Requests that arrive while an INSERT is on its way share the next one: under load the
// batches grow and the cost per event falls, without a timer and without waiting when there is no load.
#include "adapter/postgres/calls/inbox_claim.hpp"
#include "adapter/postgres/calls/inbox_insert.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::append_result;
using port::inbox_event;
namespace {

constexpr std::size_t k_batch_events = 500;
constexpr std::size_t k_batch_bytes = 8 * 1024 * 1024;
constexpr std::size_t k_waiting_events = 20'000;
// The carrier tells of all legs of a ring within milliseconds: one commit is enough for them.
constexpr millis k_patience{5};
// So many share a commit well enough: under load nobody waits for more.
constexpr std::size_t k_gathered = 8;
// Telnyx gives up a delivery after about two seconds: the spool needs its share of them.
constexpr millis k_append_limit{1'000};

// Waits for rows that somebody is just changing: one that is being buried must not be missed here.
constexpr const char* k_claim_session = R"sql(
with due as (
    select event_id from webhook_events
     where call_session_id = $1 and )sql" Z360_INBOX_OPEN R"sql(
     order by received_at, seq for update
)
update webhook_events w
   set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms', status = 'new', processed_at = null,
       error = case when w.status = 'new' then w.error end, orphaned = false,
       attempts = case when w.status = 'new' then w.attempts else 0 end
  from due where w.event_id = due.event_id
returning )sql" Z360_INBOX_ROW;

constexpr const char* k_ignore = R"sql(
update webhook_events set status = 'ignored', processed_at = clock_timestamp()
 where event_id = any($1::text[]) and status = 'new')sql";
constexpr const char* k_postpone = R"sql(
update webhook_events set attempts = attempts + $4::int, error = $3,
       claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
 where event_id = any($1::text[]) and status = 'new')sql";
constexpr const char* k_bury = R"sql(
update webhook_events set status = 'dead', processed_at = clock_timestamp(), error = $2, orphaned = ($2 = $3)
 where event_id = any($1::text[]) and status = 'new')sql";

std::vector<inbox_event> read_rows(const pqxx::result& answer) {
    std::vector<std::pair<std::int64_t, inbox_event>> found;
    for (const auto& r : answer) {
        inbox_event e;
        e.event_id = r[0].as<std::string>();
        e.event_type = r[1].as<std::string>();
        e.route = route_of(r[2].c_str());
        e.call_session_id = r[3].as<std::string>();
        e.call_control_id = r[4].as<std::string>();
        e.received_at = time_point{millis{r[5].as<std::int64_t>()}};
        e.body = pqxx::binarystring(r[6]).str();
        e.attempts = r[7].as<std::uint32_t>();
        e.waited = std::max(millis{r[9].as<std::int64_t>()}, millis{0});
        found.emplace_back(r[8].as<std::int64_t>(), std::move(e));
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.received_at, a.first) < std::pair(b.second.received_at, b.first);
    });
    std::vector<inbox_event> out;
    for (auto& [seq, e] : found)
        out.push_back(std::move(e));
    return out;
}

// An id that is no text is in no row; it must not make the others fail.
pqxx::binarystring stored_ids(std::vector<std::string> ids) {
    for (auto& id : ids)
        id = storable(id);
    return text_array(ids);
}

// One caller of append(), waiting for its turn or for its results.
struct request {
    explicit request(asio::any_io_executor ex) : wake(std::move(ex)) {}
    std::vector<inbox_row> rows;
    std::vector<append_result> results;
    std::exception_ptr error;
    asio::steady_timer wake;
    bool finished = false;
    bool leads = false;   ///< the one before has finished: this one takes the next batch
    bool gathers = false; ///< it leads, and waits for others
    bool away = false;    ///< the error says that the database cannot be reached
};
using request_ptr = std::shared_ptr<request>;

// A batch with the requests that own its rows, for as long as a worker may be busy with it.
struct held_batch {
    std::vector<request_ptr> keep;
    inbox_batch rows;
};

class inbox final : public port::event_inbox {
  public:
    explicit inbox(database& db) : db_(db.connections()) { db_.keep_warm({append_statement()}); }

    asio::awaitable<std::vector<append_result>>
    append(std::vector<inbox_event> events, millis claim) override;
    asio::awaitable<std::vector<inbox_event>> claim_pending(std::size_t limit, millis claim) override {
        auto ask = [limit, ms = claim.count()](pqxx::connection_base& db) {
            pqxx::work tx(db);
            tx.exec(k_in_order);
            auto events = read_rows(exec_in(tx, "inbox_claim_put_off", k_claim_put_off, limit, ms));
            auto more = read_rows(exec_in(tx, "inbox_claim", k_claim_pending, limit - events.size(), ms));
            tx.commit();
            events.insert(
                events.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end())
            );
            return events;
        };
        co_return co_await db_.run("inbox_claim", std::move(ask));
    }
    asio::awaitable<std::vector<inbox_event>>
    claim_session(std::string call_session_id, millis claim) override {
        auto ask = [id = storable(call_session_id), ms = claim.count()](pqxx::connection_base& db) {
            return read_rows(exec_once(db, "inbox_claim_session", k_claim_session, id, ms));
        };
        co_return co_await db_.run("inbox_claim_session", std::move(ask));
    }
    asio::awaitable<void> mark_ignored(std::vector<std::string> event_ids) override {
        auto ask = [ids = std::move(event_ids)](pqxx::connection_base& db) {
            exec_once(db, "inbox_ignore", k_ignore, stored_ids(ids));
        };
        co_await db_.run("inbox_ignore", std::move(ask));
    }
    asio::awaitable<void>
    postpone(std::vector<std::string> event_ids, millis delay, std::string why, bool counted) override {
        auto ask = [ids = std::move(event_ids), ms = delay.count(), reason = storable(why),
                    count = counted ? 1 : 0](pqxx::connection_base& db) {
            exec_once(db, "inbox_postpone", k_postpone, stored_ids(ids), ms, reason, count);
        };
        co_await db_.run("inbox_postpone", std::move(ask));
    }
    asio::awaitable<void> mark_dead(std::vector<std::string> event_ids, std::string why) override {
        auto ask = [ids = std::move(event_ids), reason = storable(why)](pqxx::connection_base& db) {
            exec_once(
                db, "inbox_bury", k_bury, stored_ids(ids), reason, std::string(port::k_unknown_session)
            );
        };
        co_await db_.run("inbox_bury", std::move(ask));
    }

  private:
    asio::awaitable<void> gather(request& first);
    [[nodiscard]] bool urgent() const;
    std::vector<request_ptr> take_batch();
    asio::awaitable<void> lead();
    asio::awaitable<void> write(std::vector<request_ptr> batch);
    asio::awaitable<void> store(std::vector<request_ptr> batch);
    static void finish(request& r) {
        r.finished = true;
        r.wake.cancel();
    }

    pool& db_;
    std::deque<request_ptr> waiting_;
    std::size_t waiting_events_ = 0;
    bool writing_ = false;
};

asio::awaitable<std::vector<append_result>> inbox::append(std::vector<inbox_event> events, millis claim) {
    if (events.empty()) co_return std::vector<append_result>{};
    if (waiting_events_ + events.size() > k_waiting_events)
        throw port::unavailable("postgres: the inbox cannot keep up");
    auto ex = co_await asio::this_coro::executor;
    auto mine = std::make_shared<request>(ex);
    for (auto& e : events)
        mine->rows.push_back({std::move(e), claim});
    waiting_events_ += mine->rows.size();
    waiting_.push_back(mine);

    // Not cancellable: others wait for the batch, and it is bounded by the database's deadline.
    const bool throwing = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    if (!writing_) {
        writing_ = true;
        mine->leads = true;
    }
    if (waiting_.front()->gathers && urgent()) waiting_.front()->wake.cancel(); // it waits no longer
    while (!mine->finished) {
        if (mine->leads) {
            co_await gather(*mine);
            co_await lead();
            continue;
        }
        mine->wake.expires_at(asio::steady_timer::time_point::max());
        (void)co_await mine->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_await asio::this_coro::throw_if_cancelled(throwing);
    if (mine->error) std::rethrow_exception(mine->error);
    co_return std::move(mine->results);
}

// What nobody waits for is stored with what comes in the next milliseconds, until something comes that
// somebody waits for.
asio::awaitable<void> inbox::gather(request& first) {
    if (urgent()) co_return;
    first.gathers = true;
    first.wake.expires_after(k_patience);
    (void)co_await first.wake.async_wait(asio::as_tuple(asio::use_awaitable));
    first.gathers = false;
}

bool inbox::urgent() const {
    if (waiting_events_ >= k_gathered) return true;
    return std::any_of(waiting_.begin(), waiting_.end(), [](const auto& r) {
        return std::any_of(r->rows.begin(), r->rows.end(), [](const auto& x) { return !x.event.patient; });
    });
}

// Writes the batch at the front, of which the leader is part, and lets the next one lead.
asio::awaitable<void> inbox::lead() {
    auto batch = take_batch();
    co_await write(batch);
    const auto away = batch.front()->away ? batch.front()->error : nullptr;
    for (auto& r : batch)
        finish(*r);
    // While the database is away nobody waits behind a batch that failed only to fail in its turn.
    while (away && !waiting_.empty()) {
        auto rest = take_batch();
        for (auto& r : rest) {
            r->error = away;
            finish(*r);
        }
    }
    if (waiting_.empty()) {
        writing_ = false;
        co_return;
    }
    waiting_.front()->leads = true;
    waiting_.front()->wake.cancel();
}

std::vector<request_ptr> inbox::take_batch() {
    std::vector<request_ptr> batch;
    std::size_t events = 0;
    std::size_t size = 0;
    while (!waiting_.empty()) {
        const auto& r = waiting_.front();
        std::size_t body = 0;
        for (const auto& x : r->rows)
            body += x.event.body.size();
        if (!batch.empty() && (events + r->rows.size() > k_batch_events || size + body > k_batch_bytes))
            break;
        events += r->rows.size();
        size += body;
        waiting_events_ -= r->rows.size();
        batch.push_back(r);
        waiting_.pop_front();
    }
    return batch;
}

// Fills in results or errors; never throws.
asio::awaitable<void> inbox::write(std::vector<request_ptr> batch) {
    std::exception_ptr error;
    bool away = false;
    try {
        co_await store(batch);
    } catch (const port::unavailable&) {
        error = std::current_exception();
        away = true;
    } catch (const statement_error& e) { // of no row alone, so of none at all: a spool can keep them
        log::error("inbox_append_failed", {{"error", e.what()}, {"requests", batch.size()}});
        error = std::make_exception_ptr(port::unavailable(e.what()));
        away = true;
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) co_return;
    for (auto& r : batch) {
        r->error = error;
        r->away = away;
    }
}

asio::awaitable<void> inbox::store(std::vector<request_ptr> batch) {
    auto all = std::make_shared<held_batch>();
    for (const auto& r : batch)
        for (const auto& x : r->rows)
            all->rows.add(x);
    all->keep = batch;
    auto ask = [all](pqxx::connection_base& db) { return insert_events(db, all->rows); };
    const auto results = co_await db_.run("inbox_append", std::move(ask), k_append_limit);
    for (auto& r : batch)
        for (const auto& x : r->rows)
            r->results.push_back(results.at(&x));
}

} // namespace

std::unique_ptr<port::event_inbox> make_event_inbox(database& db) {
    return std::make_unique<inbox>(db);
}

} // namespace z360::adapter::postgres
