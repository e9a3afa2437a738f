// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Messages and minutes of calls that are over, and what messages say: written down and off the list by one
// transaction. What is on the list is put there by triggers (migration 0031).
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/transaction.hpp"
#include "wire/state_codec.hpp"
#include "wire/transcript.hpp"

#include <z360/call/account.hpp>
#include <z360/log.hpp>
#include <z360/port/books.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using nlohmann::json;
using port::booked;
namespace {

// $1 how many, $2 for how many ms nothing was told of them: while a call still has news, its commits would
// wait for this one, which has locked its place on the list. In the order of their ids, so that two nodes
// never wait for each other's conversations in turn for long; a deadlock begins again.
constexpr const char* k_due = R"sql(
select call_id from call_accounts where due_at <= statement_timestamp() - $2::bigint * interval '1 ms' order by due_at limit $1 for update skip locked)sql";

// After the lock, by a statement of its own: it sees everything that put the call on the list. $1 calls.
constexpr const char* k_facts = R"sql(
select c.call_id, c.form, c.snapshot::text, coalesce(c.caller_number, 'unknown'),
       coalesce((select jsonb_agg(jsonb_build_object('id', r.carrier_id, 'purpose', r.purpose, 'format', coalesce(r.format, ''),
                                                     'began', z360_ms(r.began_at), 'ended', z360_ms(r.ended_at),
                                                     'address', case when r.status in ('waiting', 'kept') then r.recording_id end))
                   from recordings r where r.call_id = c.call_id), '[]')::text
  from calls c
 where c.call_id = any($1::uuid[]) and c.phase = 'ended' and c.org_id is not null and c.phone_number_id is not null
 order by c.org_id, c.phone_number_id, c.caller_number, c.call_id)sql";

// $1 the document of document_of(). Minutes are those that were first known.
constexpr const char* k_enter = R"sql(
with d as materialized (
    select x.*, j->'metadata' as metadata from (select $1::jsonb as j) as given,
           jsonb_to_record(j) as x(call uuid, org bigint, "user" bigint, number bigint, identifier text, session text,
                                   status text, talk bigint, missed boolean, voicemail boolean, began bigint, unit text,
                                   minutes int, direction text)
), conversation as (
    insert into conversations as c (org_id, phone_number_id, identifier, last_message_at)
    select org, number, identifier, z360_at(began) from d
    on conflict (org_id, phone_number_id, identifier)
    do update set last_message_at = greatest(c.last_message_at, excluded.last_message_at)
    returning conversation_id
), message as (
    insert into messages as m (conversation_id, org_id, user_id, call_id, direction, status, metadata, talk_ms, missed,
                               voicemail, created_at)
    select conversation_id, org, "user", call, direction, status, metadata, talk, missed, voicemail, z360_at(began)
      from d, conversation
    on conflict (call_id) do update
       set status = excluded.status, metadata = excluded.metadata, talk_ms = excluded.talk_ms, missed = excluded.missed,
           voicemail = excluded.voicemail, updated_at = clock_timestamp()
    returning message_id, xmax = 0 as fresh
), entry as (
    insert into ledger (org_id, unit, quantity, call_id, meta)
    select org, unit, minutes, call, jsonb_build_object('message_id', message_id, 'call_session_id', session)
      from d, message where minutes is not null
    on conflict (call_id) do nothing
    returning quantity, unit
)
select (select count(*) from message where fresh),
       coalesce((select quantity from entry where unit = 'SIMPLE_CALL_MINUTE'), 0),
       coalesce((select quantity from entry where unit = 'AI_CALL_MINUTE'), 0))sql";

constexpr const char* k_done = "delete from call_accounts where call_id = any($1::uuid[])";
// $1 call. Twice as long each time, an hour at most.
constexpr const char* k_put_off = R"sql(
update call_accounts set attempts = attempts + 1,
       due_at = clock_timestamp() + least(5 * power(2, least(attempts, 20)), 3600) * interval '1 s'
 where call_id = $1::uuid)sql";
// A program that reads it takes it meanwhile.
constexpr const char* k_leave =
    "update call_accounts set due_at = clock_timestamp() + interval '5 s' where call_id = $1::uuid";

// $1 how many.
constexpr const char* k_told = R"sql(
select t.event_id, w.body, t.created_at < statement_timestamp() - interval '1 day'
  from transcript_events t left join webhook_events w on w.event_id = t.event_id
 where t.due_at <= statement_timestamp() order by t.due_at limit $1 for update of t skip locked)sql";
// $1 session, $2 leg, $3 recording, $4 text. What a service has said of it goes before the carrier's.
constexpr const char* k_transcribe = R"sql(
with those as (
    select call_id from calls where call_session_id = nullif($1, '')
    union select call_id from calls where caller_control_id = nullif($2, '')
), its as materialized (
    select r.recording_id, r.status in ('waiting', 'kept', 'lost') and r.purpose = 'message'
                           and r.transcribed_by is distinct from 'service' and r.transcript is distinct from $4 as wanted
      from recordings r join those using (call_id) where r.carrier_id = $3
), said as (
    update recordings r set transcript = $4, transcribed_by = 'carrier', transcribed_at = clock_timestamp()
      from its where r.recording_id = its.recording_id and its.wanted and r.status not in ('removing', 'removed')
    returning 1
)
select (select count(*) from its), (select count(*) from said))sql";
// The recording's row has it now, or nobody wants it: it is not kept a second time among the raw events. Told
// again, it is the same again.
constexpr const char* k_forget_event = R"sql(
with off as (delete from transcript_events where event_id = $1)
delete from webhook_events w where w.event_id = $1 and w.status = 'ignored'
   and not exists (select from webhook_conflicts c where c.event_id = w.event_id))sql";
constexpr const char* k_await_recording = R"sql(
update transcript_events
   set due_at = clock_timestamp() + least(greatest(clock_timestamp() - created_at, interval '1 s'), interval '10 min')
 where event_id = $1)sql";

constexpr const char* k_figures = R"sql(
select (select count(*) from call_accounts) + (select count(*) from transcript_events),
       coalesce((select (extract(epoch from clock_timestamp() - min(due_at)) * 1000)::bigint from call_accounts), 0),
       (select count(*) from call_accounts where attempts > 0))sql";

json text_or_null(const std::string& t) {
    return t.empty() ? json() : json(storable(t));
}
json time_or_null(const std::optional<time_point>& t) {
    return t ? json(iso8601(*t)) : json();
}

std::vector<call::recorded> recordings_in(const std::string& text) {
    std::vector<call::recorded> out;
    const auto time = [](const json& v) {
        return v.is_null() ? std::optional<time_point>() : time_point{millis{v.get<std::int64_t>()}};
    };
    for (const auto& r : json::parse(text)) {
        call::recorded x;
        x.id = r.at("id").get<std::string>();
        x.purpose =
            r.at("purpose") == "message" ? call::recording_purpose::message : call::recording_purpose::talk;
        x.format = r.at("format").get<std::string>();
        x.began_at = time(r.at("began"));
        x.ended_at = time(r.at("ended"));
        if (!r.at("address").is_null()) x.address = "/api/recordings/" + r.at("address").get<std::string>();
        out.push_back(std::move(x));
    }
    return out;
}

/// Of several whom a plan rang, who took the call.
json whose(const call::state& s) {
    const auto* took = bridged_at(s) || s.reason == call::end_reason::completed ? winner(s) : nullptr;
    const auto who =
        took != nullptr && took->goes_to() != nullptr ? person_of(s.routed, *took->goes_to()) : s.routed.user;
    return who.none() ? json() : json(who.value);
}

/// Exactly what the old product has there, under its names.
json metadata_of(const call::state& s, const call::account& a) {
    json urls{{"mp3", nullptr}, {"wav", nullptr}};
    const auto& r = a.shown;
    if (r && !r->address.empty()) urls[r->format == "wav" ? "wav" : "mp3"] = r->address;
    const auto sent = s.origin.number_sent.empty() ? text_of(s.caller.to) : s.origin.number_sent;
    return {
        {"call_session_id", text_or_null(s.origin.call_session_id)},
        {"call_control_id", text_or_null(a.leg)},
        {"parent_call_control_id", text_or_null(s.caller.call_control_id)},
        {"original_from", text_or_null(sent)},
        {"received_by", whose(s)},
        {"keys", a.steps},
        {"is_voicemail", a.voicemail},
        {"is_agent", a.agent},
        {"thread_id", nullptr},
        {"recording_id", r ? text_or_null(r->id) : json()},
        {"recording_started_at", r ? time_or_null(r->began_at) : json()},
        {"recording_ended_at", r ? time_or_null(r->ended_at) : json()},
        {"recording_urls", std::move(urls)},
        {"call_quality", nullptr},
    };
}

std::string document_of(const call::state& s, const std::string& identifier, const call::account& a) {
    const json d{
        {"call", s.id.text()},
        {"org", s.routed.org.value},
        {"user", whose(s)},
        {"number", s.routed.number.value},
        {"identifier", identifier},
        {"session", text_or_null(s.origin.call_session_id)},
        {"status", a.delivered ? "delivered" : "failed"},
        {"talk", a.talk.count()},
        {"missed", a.missed},
        {"voicemail", a.voicemail},
        {"direction", is_placed(s) ? "outbound" : "inbound"},
        {"began", in_ms(s.began)},
        {"unit", std::string(name(a.unit))},
        {"minutes", a.minutes ? json(*a.minutes) : json()},
        {"metadata", metadata_of(s, a)},
    };
    return d.dump();
}

/// One call of the list.
void enter_one(pqxx::work& tx, const pqxx::row& facts, booked& out) {
    const auto s = wire::decode_state(facts[2].c_str());
    if (!s) throw std::runtime_error("its row cannot be read");
    const auto a = call::account_of(*s, recordings_in(facts[4].c_str()));
    const auto document = document_of(*s, facts[3].c_str(), a);
    const auto r = exec_in(tx, "book_enter", k_enter, document).at(0);
    out.messages += r[0].as<std::size_t>();
    out.minutes += r[1].as<std::uint64_t>();
    out.ai_minutes += r[2].as<std::uint64_t>();
}

std::string id_array(const std::vector<std::string>& ids) {
    std::string out = "{";
    for (const auto& id : ids) {
        if (out.size() > 1) out += ',';
        out += id;
    }
    return out + "}";
}

/// Why it could not be done; empty: it was. The transaction is as before then; what concerns all of it is
/// thrown. By a savepoint of its own: libpqxx 6 sets none for a subtransaction of prepared statements.
template <class Do>
std::string fault_of(pqxx::work& tx, Do what) {
    std::string why;
    try {
        tx.exec("savepoint one");
        what();
        tx.exec("release savepoint one");
        return why;
    } catch (const pqxx::transaction_rollback&) {
        throw; // a collision: all of it once more
    } catch (const pqxx::broken_connection&) {
        throw;
    } catch (const pqxx::sql_error& e) { // its text may hold the row
        why = "sqlstate " + e.sqlstate();
    } catch (const std::exception& e) {
        why = e.what();
    }
    tx.exec("rollback to savepoint one; release savepoint one");
    return why;
}

booked enter_due(pqxx::work& tx, std::size_t most, millis quiet) {
    booked out;
    std::vector<std::string> ids;
    for (const auto& r : exec_in(tx, "book_due", k_due, most, quiet.count()))
        ids.emplace_back(r[0].c_str());
    out.looked_at = ids.size();
    if (ids.empty()) return out;
    for (const auto& r : exec_in(tx, "book_facts", k_facts, id_array(ids))) {
        const std::string id = r[0].c_str();
        if (r[1].as<int>() > wire::k_state_version) {
            exec_in(tx, "book_leave", k_leave, id);
            std::erase(ids, id);
            continue;
        }
        const auto why = fault_of(tx, [&] { enter_one(tx, r, out); });
        if (why.empty()) continue;
        log::error("call_not_booked", {{"call", id}, {"why", why}});
        exec_in(tx, "book_put_off", k_put_off, id);
        std::erase(ids, id);
        ++out.failed;
    }
    exec_in(tx, "book_done", k_done, id_array(ids));
    return out;
}

/// Whether the event is done with.
bool transcribe_one(pqxx::work& tx, const pqxx::row& r, booked& out) {
    const auto told = r[1].is_null() ? std::nullopt : wire::parse_transcript(bytes_of(r[1]));
    if (!told) {
        ++out.given_up;
        return true;
    }
    const auto x = exec_in(
                       tx, "book_transcribe", k_transcribe, storable(told->call_session_id),
                       storable(told->call_control_id), storable(told->recording_id), told->text
    )
                       .at(0);
    out.transcripts += x[1].as<std::size_t>();
    if (x[0].as<std::size_t>() > 0) return true;
    const bool too_old = r[2].as<bool>();
    if (too_old) ++out.given_up;
    return too_old;
}

booked transcribe_due(pqxx::work& tx, std::size_t most, millis) {
    booked out;
    for (const auto& r : exec_in(tx, "book_told", k_told, most)) {
        ++out.looked_at;
        const std::string id = r[0].c_str();
        auto sum = out;
        const auto why = fault_of(tx, [&] {
            if (transcribe_one(tx, r, sum))
                exec_in(tx, "book_forget_event", k_forget_event, id);
            else
                exec_in(tx, "book_await", k_await_recording, id);
        });
        if (why.empty()) {
            out = sum;
            continue;
        }
        log::error("transcript_not_stored", {{"event_id", id}, {"why", why}});
        exec_in(tx, "book_await", k_await_recording, id);
        ++out.failed;
    }
    return out;
}

class rows final : public port::book_store {
  public:
    rows(database& db, millis quiet) : db_(db.connections()), quiet_(quiet) {}

    asio::awaitable<booked> enter(std::size_t most) override { return step("book_enter", enter_due, most); }
    asio::awaitable<booked> transcribe(std::size_t most) override {
        return step("book_transcribe", transcribe_due, most);
    }
    asio::awaitable<port::book_figures> figures() override {
        return db_.run("book_figures", [](pqxx::connection_base& db) {
            const auto r = exec_once(db, "book_figures", k_figures).at(0);
            return port::book_figures{
                r[0].as<std::uint64_t>(), std::max(millis{r[1].as<std::int64_t>()}, millis{}),
                r[2].as<std::uint64_t>()
            };
        });
    }

  private:
    asio::awaitable<booked>
    step(const char* name, booked (*what)(pqxx::work&, std::size_t, millis), std::size_t most) {
        return db_.run(name, [what, most, quiet = quiet_](pqxx::connection_base& db) {
            return in_transaction(db, [&](pqxx::work& tx) {
                // What a crash takes back is on the list again; nobody else's commit waits for this one's
                // disk.
                tx.exec("set local synchronous_commit = off");
                return what(tx, most, quiet);
            });
        });
    }

    pool& db_;
    millis quiet_;
};

} // namespace

std::unique_ptr<port::book_store> make_book_store(database& db, millis quiet) {
    return std::make_unique<rows>(db, quiet);
}

} // namespace z360::adapter::postgres
