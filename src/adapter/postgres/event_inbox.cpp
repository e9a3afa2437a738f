// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The webhook inbox. Requests that arrive while an INSERT is on its way share the next one: under load the
// batches grow and the cost per event falls, without a timer and without waiting when there is no load.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <unordered_map>
#include <unordered_set>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::append_result;
using port::inbox_event;
namespace {

constexpr std::size_t k_batch_events = 500;
constexpr std::size_t k_batch_bytes = 8 * 1024 * 1024;
constexpr std::size_t k_waiting_events = 20'000;
constexpr std::size_t k_id_length = 256; ///< longer ids are not Telnyx's and would not fit the index
// Telnyx gives up a delivery after about two seconds: the spool needs its share of them.
constexpr millis k_append_limit{1'000};

constexpr std::array<const char*, 5> k_routes = {
    "call_control", "call_control_failover", "credential", "credential_failover", "own"
};

const char* text(port::webhook_route r) {
    return k_routes.at(static_cast<std::size_t>(r));
}
port::webhook_route route_of(std::string_view t) {
    const auto it = std::find(k_routes.begin(), k_routes.end(), t);
    return static_cast<port::webhook_route>(it == k_routes.end() ? 0 : it - k_routes.begin());
}

// Rows are inserted in the order of their ids, so that two nodes with the same events cannot deadlock.
constexpr const char* k_append = R"sql(
with input as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::bytea[]) with ordinality
        as t(event_id, event_type, route, session_id, control_id, received_ms, claim_ms, status, body, n)
), stored as (
    insert into webhook_events (event_id, event_type, route, call_session_id, call_control_id, received_at, body,
                                claimed_until, status, processed_at)
    select event_id, event_type, route, nullif(session_id, ''), nullif(control_id, ''),
           z360_at(received_ms::bigint), body, clock_timestamp() + claim_ms::bigint * interval '1 ms',
           status, case when status = 'ignored' then clock_timestamp() end
      from input order by event_id
    on conflict (event_id) do nothing
    returning event_id
)
select i.n - 1, s.event_id is not null,
       case when s.event_id is null
            then (select w.recorded or w.digest = sha256(i.body) from webhook_events w where w.event_id = i.event_id) end
  from input i
  left join stored s on s.event_id = i.event_id)sql";

// For the rare row that another node stored while ours was running: the snapshot above cannot see it.
constexpr const char* k_compare =
    "select recorded or digest = sha256($2::bytea) from webhook_events where event_id = $1";

constexpr const char* k_conflict = R"sql(
insert into webhook_conflicts (event_id, route, received_at, body)
values ($1, $2, z360_at($3), $4::bytea) on conflict do nothing)sql";

#define Z360_INBOX_ROW                                                                                       \
    "w.event_id, w.event_type, w.route, coalesce(w.call_session_id, ''), coalesce(w.call_control_id, ''), "  \
    "z360_ms(w.received_at), w.body, w.attempts, w.seq"

constexpr const char* k_claim_pending = R"sql(
with due as (
    select event_id from webhook_events where status = 'new' and claimed_until <= clock_timestamp()
     order by received_at, seq limit $1 for update skip locked
)
update webhook_events w set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
  from due where w.event_id = due.event_id
returning )sql" Z360_INBOX_ROW;

constexpr const char* k_claim_session = R"sql(
with due as (
    select event_id from webhook_events where status = 'new' and call_session_id = $1
     order by received_at, seq for update skip locked
)
update webhook_events w set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
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
update webhook_events set status = 'dead', processed_at = clock_timestamp(), error = $2
 where event_id = any($1::text[]) and status = 'new')sql";

struct row {
    inbox_event event;
    millis claim{0};
};

pqxx::binarystring bytes(const std::string& s) {
    return pqxx::binarystring(s);
}

append_result compare_with_stored(pqxx::connection_base& db, const inbox_event& e) {
    const auto r = exec_once(db, "inbox_compare", k_compare, e.event_id, bytes(e.body));
    if (r.empty()) throw port::unavailable("postgres: event neither stored nor found"); // being pruned: retry
    return r[0][0].as<bool>() ? append_result::duplicate : append_result::conflict;
}

void keep_aside(pqxx::connection_base& db, const inbox_event& e) {
    exec_once(
        db, "inbox_conflict", k_conflict, e.event_id, text(e.route), e.received_at.time_since_epoch().count(),
        bytes(e.body)
    );
}

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

// One caller of append(), waiting for its turn or for its results.
struct request {
    explicit request(asio::any_io_executor ex) : wake(std::move(ex)) {}
    std::vector<row> rows;
    std::vector<append_result> results;
    std::exception_ptr error;
    asio::steady_timer wake;
    bool finished = false;
    bool leads = false; ///< the one before has finished: this one takes the next batch
    bool away = false;  ///< the error says that the database cannot be reached
};
using request_ptr = std::shared_ptr<request>;

// What one INSERT takes. Its rows live in the requests, which it keeps alive and nobody changes meanwhile.
struct batch_rows {
    std::vector<const row*> first;    ///< different ids
    std::vector<const row*> repeated; ///< ids that are in `first` too
    std::vector<request_ptr> keep;
};
using batch_results = std::unordered_map<const row*, append_result>;

append_result judge(pqxx::connection_base& db, const inbox_event& e, const pqxx::field& same_bytes) {
    auto result = append_result::duplicate;
    if (same_bytes.is_null())
        result = compare_with_stored(db, e);
    else if (!same_bytes.as<bool>())
        result = append_result::conflict;
    if (result == append_result::conflict) keep_aside(db, e);
    return result;
}

// Runs on a worker.
batch_results insert(pqxx::connection_base& db, const batch_rows& batch) {
    std::array<std::vector<std::string>, 8> columns;
    std::vector<std::string_view> bodies;
    for (const row* x : batch.first) {
        const auto& e = x->event;
        columns[0].push_back(e.event_id);
        columns[1].push_back(storable(e.event_type));
        columns[2].emplace_back(text(e.route));
        columns[3].push_back(storable(e.call_session_id));
        columns[4].push_back(storable(e.call_control_id));
        columns[5].push_back(std::to_string(e.received_at.time_since_epoch().count()));
        columns[6].push_back(std::to_string(x->claim.count()));
        columns[7].emplace_back(e.settled ? "ignored" : "new");
        bodies.emplace_back(e.body);
    }
    const auto answer = exec_once(
        db, "inbox_append", k_append, text_array(columns[0]), text_array(columns[1]), text_array(columns[2]),
        text_array(columns[3]), text_array(columns[4]), text_array(columns[5]), text_array(columns[6]),
        text_array(columns[7]), bytea_array(bodies)
    );
    batch_results out;
    for (const auto& r : answer) {
        const row* x = batch.first.at(r[0].as<std::size_t>());
        out[x] = r[1].as<bool>() ? append_result::stored : judge(db, x->event, r[2]);
    }
    for (const row* x : batch.repeated) {
        out[x] = compare_with_stored(db, x->event);
        if (out[x] == append_result::conflict) keep_aside(db, x->event);
    }
    return out;
}

class inbox final : public port::event_inbox {
  public:
    explicit inbox(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<append_result>>
    append(std::vector<inbox_event> events, millis claim) override;
    asio::awaitable<std::vector<inbox_event>> claim_pending(std::size_t limit, millis claim) override {
        auto ask = [limit, ms = claim.count()](pqxx::connection_base& db) {
            return read_rows(exec_once(db, "inbox_claim", k_claim_pending, limit, ms));
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
            exec_once(db, "inbox_ignore", k_ignore, text_array(ids));
        };
        co_await db_.run("inbox_ignore", std::move(ask));
    }
    asio::awaitable<void>
    postpone(std::vector<std::string> event_ids, millis delay, std::string why, bool counted) override {
        auto ask = [ids = std::move(event_ids), ms = delay.count(), reason = storable(why),
                    count = counted ? 1 : 0](pqxx::connection_base& db) {
            exec_once(db, "inbox_postpone", k_postpone, text_array(ids), ms, reason, count);
        };
        co_await db_.run("inbox_postpone", std::move(ask));
    }
    asio::awaitable<void> mark_dead(std::vector<std::string> event_ids, std::string why) override {
        auto ask = [ids = std::move(event_ids), reason = storable(why)](pqxx::connection_base& db) {
            exec_once(db, "inbox_bury", k_bury, text_array(ids), reason);
        };
        co_await db_.run("inbox_bury", std::move(ask));
    }

  private:
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
    for (const auto& e : events)
        if (e.event_id.empty() || e.event_id.size() > k_id_length || storable(e.event_id) != e.event_id)
            throw std::invalid_argument("webhook event id is empty, too long or no text");
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
    while (!mine->finished) {
        if (mine->leads) {
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
    bool poisoned = false;
    try {
        co_await store(batch);
    } catch (const statement_error& e) {
        poisoned = batch.size() > 1;
        if (!poisoned) batch.front()->error = std::current_exception();
        log::error("inbox_batch_refused", {{"error", e.what()}, {"requests", batch.size()}});
    } catch (const port::unavailable&) {
        for (auto& r : batch) {
            r->error = std::current_exception();
            r->away = true;
        }
    } catch (...) {
        for (auto& r : batch)
            r->error = std::current_exception();
    }
    if (!poisoned) co_return;
    for (auto& r : batch) { // one bad row must not keep its neighbours out
        std::vector<request_ptr> alone;
        alone.push_back(r);
        co_await write(std::move(alone));
    }
}

asio::awaitable<void> inbox::store(std::vector<request_ptr> batch) {
    auto all = std::make_shared<batch_rows>();
    std::unordered_set<std::string_view> seen;
    for (const auto& r : batch)
        for (const auto& x : r->rows)
            (seen.insert(x.event.event_id).second ? all->first : all->repeated).push_back(&x);
    all->keep = batch;
    auto ask = [all](pqxx::connection_base& db) { return insert(db, *all); };
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
