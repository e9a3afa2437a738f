// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"

#include <z360/port/reconcile_store.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::inbox_event;
using port::standing;
namespace {

constexpr std::array<const char*, 5> k_routes = {
    "call_control", "call_control_failover", "credential", "credential_failover", "own"
};

// $3: pause between turns, $4: length. Whoever holds it may hold it longer.
constexpr const char* k_begin_turn = R"sql(
insert into reconcile_turns as t (name, holder, held_until, began_at)
values ($1, $2, clock_timestamp() + $4::bigint * interval '1 ms', clock_timestamp())
on conflict (name) do update
   set holder = excluded.holder, held_until = excluded.held_until, began_at = excluded.began_at
 where (t.holder = excluded.holder and t.held_until > clock_timestamp())
    or (t.held_until <= clock_timestamp() and t.began_at + $3::bigint * interval '1 ms' <= clock_timestamp())
returning z360_ms(position), z360_ms(clock_timestamp()))sql";

constexpr const char* k_end_turn = R"sql(
update reconcile_turns
   set held_until = clock_timestamp(), position = greatest(z360_at(nullif($3, '')::bigint), position)
 where name = $1 and holder = $2 and held_until > clock_timestamp())sql";

// The newest moment that has come at which the call is to be asked about; due when it was not asked since.
// $1: looks into a ring (ms), $2: the last of them, $3: then so often, $4: past the ring's end, $5: after the
// dial of a silent leg, $6: silence of a talk, $7: questions a second.
constexpr const char* k_claim_due = R"sql(
with t as materialized (select clock_timestamp() as now),
live as (
    select c.call_id, c.call_session_id, q.asked_at, c.phase in ('ringing', 'answering', 'bridging') as rings,
           greatest(
               case when c.phase in ('ringing', 'answering', 'bridging') then
                   (select max(x.at) from (
                        select c.began_at + s * interval '1 ms' as at from unnest($1::bigint[]) as s
                        union all
                        select c.began_at + ($2::bigint + $3::bigint * greatest(0, floor(
                                   (extract(epoch from t.now - c.began_at) * 1000 - $2::bigint) / $3::bigint))::bigint)
                               * interval '1 ms'
                        union all
                        select d.created_at + $5::bigint * interval '1 ms'
                          from call_legs l join commands d on d.command_id = l.leg_id::text
                         where l.call_id = c.call_id and l.dial <> 'failed' and l.release_reason is null
                           and not (l.initiated or l.answered or l.bridged or l.ended)) as x
                     where x.at <= t.now) end,
               case when c.phase in ('ringing', 'answering', 'bridging', 'voicemail')
                     and r.deadline + $4::bigint * interval '1 ms' <= t.now
                    then r.deadline + $4::bigint * interval '1 ms' end,
               case when c.phase in ('active', 'on_hold', 'remote_hold', 'reconnecting', 'voicemail')
                     and greatest(c.updated_at, q.asked_at) + $6::bigint * interval '1 ms' <= t.now
                    then greatest(c.updated_at, q.asked_at) + $6::bigint * interval '1 ms' end) as due_at
      from t, calls c left join call_questions q on q.call_id = c.call_id
      -- Of the ring that is on, or was the last; what an earlier program wrote had one. A damaged snapshot has none: it
      -- must not keep the others from being asked about.
      cross join lateral (select coalesce(c.snapshot->'rings'->-1->'deadline', c.snapshot->'ring_deadline')) as x(ms)
      cross join lateral (select case when jsonb_typeof(x.ms) = 'number'
                                      then case when x.ms::numeric between 0 and 253402300799000
                                                then z360_at(x.ms::numeric::bigint) end end) as r(deadline)
     where c.phase <> 'ended'
), due as (
    select live.* from live, t where due_at is not null and (asked_at is null or asked_at < due_at)
     order by rings desc, due_at, call_id
     limit greatest(0, $7::bigint - (select count(*) from call_questions, t
                                      where asked_at > t.now - interval '1 second'))
), taken as (
    insert into call_questions as q (call_id, asked_at) select call_id, t.now from due, t
    on conflict (call_id) do update set asked_at = excluded.asked_at
     where q.asked_at is not distinct from (select d.asked_at from due d where d.call_id = q.call_id)
    returning call_id
)
select d.call_id, d.call_session_id, z360_ms(d.asked_at)
  from due d join taken using (call_id) order by d.rings desc, d.due_at)sql";

constexpr const char* k_put_back =
    "update call_questions set asked_at = coalesce(z360_at(nullif($2, '')::bigint), 'epoch') "
    "where call_id = $1";

constexpr const char* k_unseen = R"sql(
select id from unnest($1::text[]) as id
 where not exists (select from webhook_events w where w.event_id = id))sql";

// Rows are inserted in the order of their ids, as the inbox does it. What we have made ourselves and what was
// buried is tried once more when its cause is found again.
constexpr const char* k_append = R"sql(
with input as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
        with ordinality as t(event_id, event_type, route, session_id, control_id, received_ms, body, n)
), stored as (
    insert into webhook_events as w (event_id, event_type, route, call_session_id, call_control_id, received_at,
                                     body, claimed_until, recorded)
    select event_id, event_type, route, nullif(session_id, ''), nullif(control_id, ''),
           z360_at(received_ms::bigint), body, clock_timestamp() + $8::bigint * interval '1 ms', true
      from input order by event_id
    on conflict (event_id) do update
       set status = 'new', processed_at = null, error = null, attempts = 0, claimed_until = excluded.claimed_until
     where w.status = 'dead' and w.recorded and w.event_id like 'reconcile-%'
    returning event_id
)
select i.n - 1 from input i join stored s on s.event_id = i.event_id)sql";

constexpr const char* k_ledger = R"sql(
with page as (
    select call_id, call_session_id, coalesce(caller_control_id, '') as caller,
           began_at <= clock_timestamp() - $4::bigint * interval '1 ms' as overlong
      from calls
     where phase <> 'ended' and call_id > $1 and began_at <= clock_timestamp() - $3::bigint * interval '1 ms'
     order by call_id limit $2
)
select p.call_id, p.call_session_id, p.caller, p.overlong, l.leg_id, l.call_control_id
  from page p left join call_legs l on l.call_id = p.call_id and not l.ended and l.dial <> 'failed'
                                   and l.call_control_id is not null
 order by p.call_id)sql";

// A leg with a mark is looked for by its mark, any other by its id at the carrier. An unmarked leg in a
// session of ours that is not the caller's is nobody we know: left alone.
constexpr const char* k_standings = R"sql(
with input as (
    select * from unnest($1::text[], $2::text[], $3::text[]) with ordinality as t(control, session, leg, n)
), known as (
    select i.*, l.leg_id, l.call_control_id as own, l.ended, l.release_reason, c.call_id, c.phase,
           coalesce(c.ended_at, c.updated_at) <= clock_timestamp() - $4::bigint * interval '1 ms' as settled
      from input i
      left join call_legs l on l.leg_id = coalesce(nullif(i.leg, '')::uuid,
                                  (select x.leg_id from call_legs x where x.call_control_id = i.control))
      left join calls c on c.call_id = coalesce(l.call_id,
                               (select y.call_id from calls y where y.caller_control_id = i.control))
)
select case
         when call_id is null then
             case when leg = '' and exists (select from calls z where z.call_session_id = session)
                  then 'live' else 'none' end
         when phase = 'ended' and settled then 'over'
         when leg_id is not null and own is null then 'unlearned'
         when leg_id is not null and own <> control then 'duplicate'
         when settled and (ended or release_reason is not null) then 'over'
         else 'live'
       end
  from known order by n)sql";

constexpr const char* k_tidy =
    "delete from call_questions q using calls c where c.call_id = q.call_id and c.phase = 'ended'";

standing standing_of(std::string_view word) {
    for (int i = 0; i < port::k_standing_count; ++i)
        if (word == port::name(static_cast<standing>(i))) return static_cast<standing>(i);
    return standing::live; // proves nothing
}

std::string number_array(const std::vector<millis>& numbers) {
    std::string out = "{";
    for (const auto& n : numbers)
        out += (out.size() > 1 ? "," : "") + std::to_string(n.count());
    return out + "}";
}

class reconcile_rows final : public port::reconcile_store {
  public:
    explicit reconcile_rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::optional<port::turn>>
    begin_turn(std::string name, std::string holder, millis every, millis length) override {
        auto ask = [name = storable(name), holder = storable(holder), every = every.count(),
                    length = length.count()](pqxx::connection_base& db) -> std::optional<port::turn> {
            const auto r = exec_once(db, "turn_begin", k_begin_turn, name, holder, every, length);
            if (r.empty()) return std::nullopt;
            return port::turn{time_or_null(r[0][0]), time_at(r[0][1])};
        };
        co_return co_await db_.run("turn_begin", std::move(ask));
    }
    asio::awaitable<void>
    end_turn(std::string name, std::string holder, std::optional<time_point> position) override {
        auto ask = [name = storable(name), holder = storable(holder),
                    at = ms_or_empty(position)](pqxx::connection_base& db) {
            exec_once(db, "turn_end", k_end_turn, name, holder, at);
        };
        co_await db_.run("turn_end", std::move(ask));
    }
    asio::awaitable<std::vector<port::due_call>>
    claim_due(port::question_times times, std::size_t per_second) override;
    asio::awaitable<void> put_back(port::due_call c) override {
        auto ask = [id = c.call.text(), at = ms_or_empty(c.asked_before)](pqxx::connection_base& db) {
            exec_once(db, "question_put_back", k_put_back, id, at);
        };
        co_await db_.run("question_put_back", std::move(ask));
    }
    asio::awaitable<std::vector<std::string>> unseen(std::vector<std::string> event_ids) override {
        auto ask = [ids = std::move(event_ids)](pqxx::connection_base& db) {
            std::vector<std::string> out;
            for (const auto& r : exec_once(db, "inbox_unseen", k_unseen, text_array(ids)))
                out.emplace_back(r[0].c_str());
            return out;
        };
        co_return co_await db_.run("inbox_unseen", std::move(ask));
    }
    asio::awaitable<std::vector<bool>>
    append_recorded(std::vector<inbox_event> events, millis claim) override;
    asio::awaitable<std::vector<port::ledger_call>>
    ledger(call_id after, std::size_t limit, millis age, millis longest) override;
    asio::awaitable<std::vector<standing>>
    standings(std::vector<port::listed_leg> legs, millis settled) override;
    asio::awaitable<void> tidy() override {
        auto ask = [](pqxx::connection_base& db) { exec_once(db, "question_tidy", k_tidy); };
        co_await db_.run("question_tidy", std::move(ask));
    }

  private:
    pool& db_;
};

asio::awaitable<std::vector<port::due_call>>
reconcile_rows::claim_due(port::question_times times, std::size_t per_second) {
    const auto last = times.ring.empty() ? times.ring_then : times.ring.back();
    auto ask = [steps = number_array(times.ring), last = last.count(), then = times.ring_then.count(),
                past = times.after_deadline.count(), first = times.first_leg.count(),
                silence = times.silence.count(), per_second](pqxx::connection_base& db) {
        std::vector<port::due_call> out;
        const auto rows =
            exec_once(db, "question_claim", k_claim_due, steps, last, then, past, first, silence, per_second);
        for (const auto& r : rows)
            if (const auto id = call_id::parse(r[0].c_str()))
                out.push_back({*id, r[1].as<std::string>(), time_or_null(r[2])});
        return out;
    };
    co_return co_await db_.run("question_claim", std::move(ask));
}

asio::awaitable<std::vector<bool>>
reconcile_rows::append_recorded(std::vector<inbox_event> events, millis claim) {
    auto ask = [events = std::move(events), ms = claim.count()](pqxx::connection_base& db) {
        std::array<std::vector<std::string>, 6> columns;
        std::vector<std::string_view> bodies;
        for (const auto& e : events) {
            columns[0].push_back(storable(e.event_id));
            columns[1].push_back(storable(e.event_type));
            columns[2].emplace_back(k_routes.at(static_cast<std::size_t>(e.route)));
            columns[3].push_back(storable(e.call_session_id));
            columns[4].push_back(storable(e.call_control_id));
            columns[5].push_back(std::to_string(in_ms(e.received_at)));
            bodies.emplace_back(e.body);
        }
        std::vector<bool> stored(events.size());
        const auto rows = exec_once(
            db, "inbox_recorded", k_append, text_array(columns[0]), text_array(columns[1]),
            text_array(columns[2]), text_array(columns[3]), text_array(columns[4]), text_array(columns[5]),
            bytea_array(bodies), ms
        );
        for (const auto& r : rows)
            stored.at(r[0].as<std::size_t>()) = true;
        return stored;
    };
    co_return co_await db_.run("inbox_recorded", std::move(ask));
}

asio::awaitable<std::vector<port::ledger_call>>
reconcile_rows::ledger(call_id after, std::size_t limit, millis age, millis longest) {
    auto ask = [after = after.text(), limit, age = age.count(),
                longest = longest.count()](pqxx::connection_base& db) {
        std::vector<port::ledger_call> out;
        for (const auto& r : exec_once(db, "call_ledger", k_ledger, after, limit, age, longest)) {
            const auto id = call_id::parse(r[0].c_str());
            if (!id) continue;
            if (out.empty() || out.back().call != *id)
                out.push_back({*id, r[1].as<std::string>(), r[2].as<std::string>(), r[3].as<bool>(), {}});
            if (r[4].is_null()) continue;
            if (const auto leg = leg_id::parse(r[4].c_str()))
                out.back().legs.push_back({*leg, r[5].as<std::string>()});
        }
        return out;
    };
    co_return co_await db_.run("call_ledger", std::move(ask));
}

asio::awaitable<std::vector<standing>>
reconcile_rows::standings(std::vector<port::listed_leg> legs, millis settled) {
    auto ask = [legs = std::move(legs), ms = settled.count()](pqxx::connection_base& db) {
        std::array<std::vector<std::string>, 3> columns;
        for (const auto& l : legs) {
            columns[0].push_back(storable(l.call_control_id));
            columns[1].push_back(storable(l.call_session_id));
            columns[2].push_back(l.leg ? l.leg->text() : std::string());
        }
        std::vector<standing> out;
        const auto rows = exec_once(
            db, "leg_standings", k_standings, text_array(columns[0]), text_array(columns[1]),
            text_array(columns[2]), ms
        );
        for (const auto& r : rows)
            out.push_back(standing_of(r[0].c_str()));
        return out;
    };
    co_return co_await db_.run("leg_standings", std::move(ask));
}

} // namespace

std::unique_ptr<port::reconcile_store> make_reconcile_store(database& db) {
    return std::make_unique<reconcile_rows>(db);
}

} // namespace z360::adapter::postgres
