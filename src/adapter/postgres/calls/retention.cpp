// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Each statement finds its rows by an index in the order of their age and names them by their place, so that
// no plan reads a whole table however wrong the planner's figures are.
#include "adapter/postgres/calls/inbox_claim.hpp"
#include "adapter/postgres/leases.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/transaction.hpp"

#include <z360/port/retention_store.hpp>

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::kept;
namespace {

constexpr const char* k_lease = "retention";
constexpr std::size_t k_rows_of_call = 20; ///< about: legs, commands, timeline

// $1: age in ms, $2: how many.
constexpr const char* k_raw_events = R"sql(
delete from webhook_events where ctid = any(array(
    select w.ctid from webhook_events w
     where w.status in ('done', 'ignored') and w.processed_at < statement_timestamp() - $1::bigint * interval '1 ms'
       and not exists (select from webhook_conflicts c where c.event_id = w.event_id)
     order by w.processed_at limit $2 for update of w skip locked)))sql";

constexpr const char* k_dead_letters = R"sql(
delete from webhook_events where ctid = any(array(
    select w.ctid from webhook_events w
     where w.status = 'dead' and w.processed_at < statement_timestamp() - $1::bigint * interval '1 ms'
       and not exists (select from webhook_conflicts c where c.event_id = w.event_id)
     order by w.seq limit $2 for update of w skip locked)))sql";

constexpr const char* k_conflicts = R"sql(
delete from webhook_conflicts where ctid = any(array(
    select c.ctid from webhook_conflicts c where c.received_at < statement_timestamp() - $1::bigint * interval '1 ms'
     limit $2 for update of c skip locked)))sql";

// Rows that name each other go in one statement: what refers to what is looked at when it is over.
constexpr const char* k_calls = R"sql(
with old as materialized (
    select call_id from calls
     where phase = 'ended' and ended_at < statement_timestamp() - $1::bigint * interval '1 ms'
       and not exists (select from recordings r where r.call_id = calls.call_id and r.status not in ('lost', 'removed'))
     order by ended_at limit $2 for update skip locked
), timeline as (
    delete from call_events where call_id = any(array(select call_id from old))
), outbox as (
    delete from commands where call_id = any(array(select call_id from old))
), searched as (
    delete from recording_searches where call_id = any(array(select call_id from old))
), recorded as (
    delete from recordings where call_id = any(array(select call_id from old))
), heard as (
    delete from leg_media where call_id = any(array(select call_id from old))
), charged as (
    delete from leg_charges where call_id = any(array(select call_id from old))
), sampled as (
    delete from call_samples where call_id = any(array(select call_id from old))
), told as (
    delete from client_events where call_id = any(array(select call_id from old))
), legs as (
    delete from call_legs where call_id = any(array(select call_id from old))
), gone as (
    delete from calls where call_id = any(array(select call_id from old)) returning call_id
)
select count(*) from gone)sql";

constexpr const char* k_push_attempts = R"sql(
delete from push_attempts where ctid = any(array(
    select p.ctid from push_attempts p where p.queued_at < statement_timestamp() - $1::bigint * interval '1 ms'
     order by p.queued_at limit $2 for update of p skip locked)))sql";

constexpr const char* k_push_receipts = R"sql(
delete from push_receipts where ctid = any(array(
    select p.ctid from push_receipts p where p.at < statement_timestamp() - $1::bigint * interval '1 ms'
     order by p.at limit $2 for update of p skip locked)))sql";

// With what it was: a warning's row says for the rest of that silence that it was given.
constexpr const char* k_push_messages = R"sql(
delete from push_messages where ctid = any(array(
    select p.ctid from push_messages p
     where coalesce(p.settled_at, p.until) < statement_timestamp() - $1::bigint * interval '1 ms'
       and (p.kind <> 'session_warning' or p.until < statement_timestamp())
     order by coalesce(p.settled_at, p.until) limit $2 for update of p skip locked)))sql";

// Not before the last of its messages: under the same key no second one would find room beside them.
constexpr const char* k_push_requests = R"sql(
delete from push_requests where ctid = any(array(
    select p.ctid from push_requests p where p.created_at < statement_timestamp() - $1::bigint * interval '1 ms'
       and not exists (select from push_messages m where m.org_id = p.org_id and m.key = p.key)
     order by p.created_at limit $2 for update of p skip locked)))sql";

// A node that had a runner would have taken them within seconds; the carrier's are every node's.
constexpr const char* k_abandoned = R"sql(
update commands set status = 'expired', error_code = 'no_runner', finished_at = statement_timestamp()
 where ctid = any(array(
    select c.ctid from commands c
     where c.status = 'pending' and c.channel <> 'carrier'
       and c.claimed_until < statement_timestamp() - $1::bigint * interval '1 ms'
       and c.deadline < statement_timestamp() - $1::bigint * interval '1 ms'
     order by c.claimed_until limit $2 for update of c skip locked)))sql";

// The same of pushes that belong to no call, and what they say goes.
constexpr const char* k_unsent = R"sql(
update push_messages
   set settled_at = clock_timestamp(), outcome = 'expired', code = 'no_runner', content = null
 where ctid = any(array(
    select m.ctid from push_messages m
     where m.settled_at is null and m.until < statement_timestamp() - $1::bigint * interval '1 ms'
       and m.due_at < statement_timestamp() - $1::bigint * interval '1 ms'
     order by m.until limit $2 for update of m skip locked)))sql";

std::size_t remove_rows(pqxx::work& tx, kept what, std::int64_t age, std::size_t limit) {
    switch (what) {
    case kept::raw_events:
        return exec_in(tx, "retention_raw_events", k_raw_events, age, limit).affected_rows();
    case kept::dead_letters:
        return exec_in(tx, "retention_dead_letters", k_dead_letters, age, limit).affected_rows();
    case kept::conflicts: return exec_in(tx, "retention_conflicts", k_conflicts, age, limit).affected_rows();
    case kept::calls:
        return exec_in(tx, "retention_calls", k_calls, age, std::max<std::size_t>(limit / k_rows_of_call, 1))
            .at(0)
            .at(0)
            .as<std::size_t>();
    case kept::push_attempts:
        return exec_in(tx, "retention_push_attempts", k_push_attempts, age, limit).affected_rows() +
               exec_in(tx, "retention_push_receipts", k_push_receipts, age, limit).affected_rows() +
               exec_in(tx, "retention_push_messages", k_push_messages, age, limit).affected_rows() +
               exec_in(tx, "retention_push_requests", k_push_requests, age, limit).affected_rows();
    }
    return 0;
}

class retention_rows final : public port::retention_store {
  public:
    explicit retention_rows(database& db) : db_(db.connections()) {}

    asio::awaitable<bool> hold(std::string holder, millis length) override {
        auto ask = [holder = storable(holder), length](pqxx::connection_base& db) {
            return hold_lease(db, k_lease, holder, length);
        };
        co_return co_await db_.run("lease_hold", std::move(ask));
    }
    asio::awaitable<std::size_t> remove(kept what, millis age, std::size_t limit) override {
        auto ask = [what, age = age.count(), limit](pqxx::connection_base& db) {
            return in_transaction(db, [&](pqxx::work& tx) {
                // What a crash brings back is removed again; nobody else's commit waits for this one's disk.
                tx.exec("set local synchronous_commit = off");
                tx.exec(k_in_order);
                return remove_rows(tx, what, age, limit);
            });
        };
        co_return co_await db_.run("retention", std::move(ask));
    }
    asio::awaitable<std::size_t> end_abandoned(millis age, std::size_t limit) override {
        auto ask = [age = age.count(), limit](pqxx::connection_base& db) -> std::size_t {
            return exec_once(db, "effects_abandoned", k_abandoned, age, limit).affected_rows() +
                   exec_once(db, "messages_abandoned", k_unsent, age, limit).affected_rows();
        };
        co_return co_await db_.run("retention", std::move(ask));
    }

  private:
    pool& db_;
};

} // namespace

std::unique_ptr<port::retention_store> make_retention_store(database& db) {
    return std::make_unique<retention_rows>(db);
}

} // namespace z360::adapter::postgres
