// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Recordings, for whoever copies and removes them.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "adapter/postgres/transaction.hpp"

#include <z360/port/recordings.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
namespace {

// Where a time bounds what is read, it is the statement's: an index is of no use for a clock that goes on
// meanwhile.

// $1 how many, $2 for how long (ms).
constexpr const char* k_claim = R"sql(
with due as materialized (
    select recording_id from recordings where due_at <= statement_timestamp() order by due_at limit $1
       for update skip locked
), taken as (
    update recordings r set due_at = clock_timestamp() + $2::bigint * interval '1 ms', claim = r.claim + 1
      from due where r.recording_id = due.recording_id
    returning r.*)
select t.recording_id, t.claim, t.call_id, t.org_id, coalesce(t.user_id, 0), t.carrier_id, coalesce(t.carrier_url, ''),
       coalesce(t.format, ''), t.purpose, t.status, t.attempts,
       (extract(epoch from clock_timestamp() - t.created_at) * 1000)::bigint,
       coalesce((extract(epoch from t.ended_at - t.began_at) * 1000)::bigint, -1),
       coalesce(c.caller_number, ''), coalesce(c.snapshot #>> '{routed,caller_name}', ''), t.notified, t.at_carrier,
       coalesce(t.vault, ''), coalesce(t.vault_key, ''), z360_ms(c.began_at)
  from taken t join calls c on c.call_id = t.call_id)sql";

// Who is being removed is not held: what was begun for it is given up.
constexpr const char* k_hold = R"sql(
update recordings set due_at = clock_timestamp() + $3::bigint * interval '1 ms'
 where recording_id = $1::uuid and claim = $2 and status <> 'removing')sql";

// What is to be removed is not written over by who copied it meanwhile. $1 id, $2 claim, $3
// status, $4 again after (ms), $5 failed, $6 error, $7 notified, $8 at the carrier, $9 vault, $10 key, $11
// bytes, $12 hash, $13 format
constexpr const char* k_settle = R"sql(
update recordings
   set status = $3, due_at = clock_timestamp() + $4::bigint * interval '1 ms',
       attempts = case when $5 then attempts + 1 else 0 end, error = coalesce(nullif($6, ''), error),
       notified = notified or $7, at_carrier = at_carrier and $8,
       vault = case when $3 = 'removed' then null else coalesce(nullif($9, ''), vault) end,
       vault_key = case when $3 = 'removed' then null else coalesce(nullif($10, ''), vault_key) end,
       bytes = case when $3 = 'removed' then null else coalesce(nullif($11::bigint, 0), bytes) end,
       sha256 = case when $3 = 'removed' then null else coalesce(nullif($12, ''), sha256) end,
       format = coalesce(nullif($13, ''), format),
       kept_at = case when $3 = 'kept' and kept_at is null then clock_timestamp() else kept_at end,
       removed_at = case when $3 = 'removed' then clock_timestamp() end,
       carrier_url = case when $3 in ('kept', 'lost', 'removed') then null else carrier_url end
 where recording_id = $1::uuid and claim = $2 and (status <> 'removing' or $3 in ('removing', 'removed')))sql";

// $1, $2 how long ago at most (ms), the latter for the first time.
constexpr const char* k_adopt_from = R"sql(
select (clock_timestamp() - case when exists (select from recordings) then $1::bigint else $2::bigint end
                            * interval '1 ms')::text)sql";
// $1 calls that ended after that, $2 how many of them, and all that ended at the same moment as the last.
// What they know is read call by call: a month of them takes longer than one statement may.
constexpr const char* k_adopt = R"sql(
with ended as materialized (
    select call_id, org_id, user_id, ended_at, snapshot->'recordings' as told from calls
     where phase = 'ended' and ended_at > $1::timestamptz order by ended_at fetch first ($2::bigint) rows with ties
), made as (
    insert into recordings (call_id, carrier_id, org_id, user_id, purpose, carrier_url, notified)
    select c.call_id, left(r->>'id', 1000), c.org_id, c.user_id, r->>'purpose', nullif(r->>'url', ''),
           c.ended_at < clock_timestamp() - interval '1 hour' -- old news is none
      from ended c cross join lateral jsonb_array_elements(
               case when jsonb_typeof(c.told) = 'array' then c.told else '[]' end) r
     where c.org_id is not null and r->>'purpose' in ('talk', 'message')
    on conflict (call_id, carrier_id) do nothing
    returning 1)
select (select count(*) from made), max(ended_at)::text from ended)sql";
constexpr std::size_t k_adopt_calls = 2'000;

constexpr const char* k_wake = R"sql(
update recordings set due_at = clock_timestamp()
 where recording_id = any(array(
    select recording_id from recordings where status = 'waiting' and due_at is null limit $1 for update skip locked)))sql";

// $1 usual (ms; 0: for ever), $2 how many, $3 at most (ms; 0: for ever). Organisation by organisation, by the
// index of their recordings' ages.
constexpr const char* k_expire = R"sql(
with old as materialized (
    select x.recording_id
      from organizations o left join org_settings s using (org_id)
      cross join lateral (select least(coalesce(s.recording_days * 86400000::bigint, nullif($1::bigint, 0)),
                                       nullif($3::bigint, 0)) as kept_for) k
      cross join lateral (
          select r.recording_id from recordings r
           where r.org_id = o.org_id and r.created_at < statement_timestamp() - k.kept_for * interval '1 ms'
             and r.status in ('waiting', 'kept', 'lost')
           order by r.created_at limit $2 for update skip locked) x
     where k.kept_for is not null
     limit $2)
update recordings r
   set status = 'removing', due_at = clock_timestamp(), claim = r.claim + 1, attempts = 0, error = 'kept long enough'
  from old where r.recording_id = old.recording_id)sql";

constexpr const char* k_figures = R"sql(
select count(*), coalesce((extract(epoch from clock_timestamp() - min(created_at)) * 1000)::bigint, 0),
       count(*) filter (where attempts > 0)
  from recordings where due_at is not null)sql";

// A talk is recorded by the bridge, a message by a command after its greeting. $1, $2: how long ago it ended
// (ms).
constexpr const char* k_note_silent = R"sql(
insert into recording_searches (call_id)
select c.call_id from calls c
 where c.phase = 'ended' and c.org_id is not null
   and c.ended_at between clock_timestamp() - $1::bigint * interval '1 ms' and clock_timestamp() - $2::bigint * interval '1 ms'
   and not exists (select from recordings r where r.call_id = c.call_id)
   and case when c.bridged_at is not null then (c.snapshot #>> '{routed,rules,record_calls}') = 'true'
            when c.end_reason = 'voicemail' then (c.snapshot #>> '{voicemail,step}') = 'recording'
                 or ((c.snapshot #>> '{voicemail,step}') = 'done' and (c.snapshot #>> '{voicemail,failed}') = 'false'
                     and coalesce(c.snapshot #>> '{routed,rules,takes_messages}', 'true') = 'true')
            else false end
on conflict do nothing)sql";

// $1 how many, $2 for how long (ms).
constexpr const char* k_claim_silent = R"sql(
with due as materialized (
    select call_id from recording_searches where due_at <= clock_timestamp() order by due_at limit $1
       for update skip locked
), taken as (
    update recording_searches s set due_at = clock_timestamp() + $2::bigint * interval '1 ms'
      from due where s.call_id = due.call_id
    returning s.call_id, s.tries)
select t.call_id, c.org_id, c.call_session_id, coalesce(c.caller_control_id, ''), t.tries, c.bridged_at is null
  from taken t join calls c on c.call_id = t.call_id)sql";

// $1 call, $2 array of {id, url, format, began, ended, message}.
constexpr const char* k_found = R"sql(
with made as (
    insert into recordings (call_id, carrier_id, org_id, user_id, purpose, carrier_url, format, began_at, ended_at)
    select c.call_id, x.id, c.org_id, c.user_id, case when x.message then 'message' else 'talk' end, x.url, x.format,
           z360_at(x.began), z360_at(x.ended)
      from calls c, jsonb_to_recordset($2::jsonb) as x(id text, url text, format text, began bigint, ended bigint, message boolean)
     where c.call_id = $1::uuid
    on conflict (call_id, carrier_id) do nothing returning 1
), over as (
    update recording_searches set due_at = null, outcome = 'found', tries = tries + 1 where call_id = $1::uuid
)
select count(*) from made)sql";

// $1 call, $2 again after (ms), or null.
constexpr const char* k_search_again = R"sql(
update recording_searches
   set tries = tries + 1, due_at = clock_timestamp() + $2::bigint * interval '1 ms',
       outcome = case when $2::bigint is null then 'missing' end
 where call_id = $1::uuid)sql";

nlohmann::json found_row(const port::carrier_recording& r, const port::silent_call& of) {
    const auto text = [](const std::string& t) {
        return t.empty() ? nlohmann::json() : nlohmann::json(storable(t));
    };
    const auto ms = [](const std::optional<time_point>& t) {
        return t ? nlohmann::json(in_ms(*t)) : nlohmann::json();
    };
    const bool message =
        r.call_control_id.empty() ? of.of_message : r.call_control_id == of.caller_control_id;
    return {{"id", storable(r.id)},    {"url", text(r.url)},      {"format", text(r.format)},
            {"began", ms(r.began_at)}, {"ended", ms(r.ended_at)}, {"message", message}};
}

port::due_recording read(const pqxx::row& r) {
    port::due_recording out;
    out.id = uuid_of(r[0]);
    out.claim = r[1].as<std::uint32_t>();
    out.call = call_id{uuid_of(r[2])};
    out.org = {r[3].as<std::int64_t>()};
    out.user = {r[4].as<std::int64_t>()};
    out.carrier_id = r[5].c_str();
    out.carrier_url = r[6].c_str();
    out.format = r[7].c_str();
    out.purpose = std::string_view(r[8].c_str()) == "message" ? call::recording_purpose::message
                                                              : call::recording_purpose::talk;
    out.status = port::recording_status_named(r[9].c_str()).value_or(port::recording_status::waiting);
    out.attempts = r[10].as<std::uint32_t>();
    out.told_ago = millis{r[11].as<std::int64_t>()};
    out.length = millis{r[12].as<std::int64_t>()};
    out.caller = r[13].c_str();
    out.caller_name = r[14].c_str();
    out.notified = r[15].as<bool>();
    out.at_carrier = r[16].as<bool>();
    out.copy = {r[17].c_str(), r[18].c_str()};
    out.began_at = time_at(r[19]);
    return out;
}

class rows final : public port::recording_store {
  public:
    explicit rows(database& db) : db_(db.connections()) {}

    asio::awaitable<std::vector<port::due_recording>> claim(std::size_t most, millis length) override {
        return db_.run("recording_claim", [most, ms = length.count()](pqxx::connection_base& db) {
            std::vector<port::due_recording> out;
            for (const auto& r : exec_once(db, "recording_claim", k_claim, most, ms))
                out.push_back(read(r));
            return out;
        });
    }
    asio::awaitable<bool> hold(uuid id, std::uint32_t claim, millis length) override {
        return db_.run("recording_hold", [id, claim, ms = length.count()](pqxx::connection_base& db) {
            return exec_once(db, "recording_hold", k_hold, id.text(), claim, ms).affected_rows() == 1;
        });
    }
    asio::awaitable<bool> settle(port::looked l) override {
        return db_.run("recording_settle", [l = std::move(l)](pqxx::connection_base& db) {
            const auto again = l.again_after ? std::optional(std::to_string(l.again_after->count()))
                                             : std::optional<std::string>();
            return exec_once(
                       db, "recording_settle", k_settle, l.id.text(), l.claim, std::string(name(l.status)),
                       or_null(again), l.failed, storable(l.error), l.notified, l.at_carrier, l.copy.vault,
                       l.copy.key, l.content.bytes, l.content.sha256, l.format
                   )
                       .affected_rows() == 1;
        });
    }
    asio::awaitable<std::size_t> adopt(millis back, millis first_back) override {
        auto from = std::exchange(unfinished_, std::nullopt);
        if (!from) from = co_await start_of(back, first_back);
        std::size_t made = 0;
        while (from) {
            unfinished_ = from; // goes on here, whatever happens
            auto [n, next] = co_await adopt_after(*from);
            made += n;
            from = std::move(next);
        }
        unfinished_.reset();
        co_return made;
    }
    asio::awaitable<std::size_t> wake(std::size_t most) override {
        return changed("recording_wake", k_wake, most);
    }
    asio::awaitable<std::size_t> expire(millis usual, millis at_most, std::size_t most) override {
        return changed("recording_expire", k_expire, usual.count(), most, at_most.count());
    }
    asio::awaitable<port::recording_figures> figures() override {
        return db_.run("recording_figures", [](pqxx::connection_base& db) {
            const auto r = exec_once(db, "recording_figures", k_figures).at(0);
            return port::recording_figures{
                r[0].as<std::uint64_t>(), millis{r[1].as<std::int64_t>()}, r[2].as<std::uint64_t>()
            };
        });
    }

    asio::awaitable<std::size_t> note_silent(millis oldest, millis youngest) override {
        return changed("recording_silent", k_note_silent, oldest.count(), youngest.count());
    }
    asio::awaitable<std::vector<port::silent_call>> claim_silent(std::size_t most, millis length) override {
        return db_.run("recording_silent_claim", [most, ms = length.count()](pqxx::connection_base& db) {
            std::vector<port::silent_call> out;
            for (const auto& r : exec_once(db, "recording_silent_claim", k_claim_silent, most, ms))
                out.push_back(
                    {call_id{uuid_of(r[0])},
                     {r[1].as<std::int64_t>()},
                     r[2].c_str(),
                     r[3].c_str(),
                     r[4].as<std::uint32_t>(),
                     r[5].as<bool>()}
                );
            return out;
        });
    }
    asio::awaitable<std::size_t>
    found(port::silent_call of, std::vector<port::carrier_recording> all) override {
        auto rows = nlohmann::json::array();
        for (const auto& r : all)
            rows.push_back(found_row(r, of));
        return db_.run(
            "recording_found",
            [call = of.call.text(), rows = rows.dump()](pqxx::connection_base& db) {
                return exec_once(db, "recording_found", k_found, call, rows)[0][0].as<std::size_t>();
            }
        );
    }
    asio::awaitable<void> search_again(call_id of, std::optional<millis> after) override {
        return db_.run("recording_search", [of, after](pqxx::connection_base& db) {
            const auto ms = after ? std::optional(std::to_string(after->count())) : std::nullopt;
            exec_once(db, "recording_search", k_search_again, of.text(), or_null(ms));
        });
    }

  private:
    template <class... Args>
    asio::awaitable<std::size_t> changed(const char* name, const char* sql, Args... args) {
        return db_.run(name, [name, sql, args...](pqxx::connection_base& db) {
            return static_cast<std::size_t>(exec_once(db, name, sql, args...).affected_rows());
        });
    }

    asio::awaitable<std::optional<std::string>> start_of(millis back, millis first_back) {
        return db_.run(
            "recording_adopt_from",
            [b = back.count(), f = first_back.count()](pqxx::connection_base& db) {
                const auto r = exec_once(db, "recording_adopt_from", k_adopt_from, b, f);
                return std::optional<std::string>(r.at(0).at(0).c_str());
            }
        );
    }
    /// How many rows were made, and where to go on; nullopt: that was all.
    asio::awaitable<std::pair<std::size_t, std::optional<std::string>>> adopt_after(std::string when) {
        return db_.run("recording_adopt", [when = std::move(when)](pqxx::connection_base& db) {
            const auto r = exec_once(db, "recording_adopt", k_adopt, when, k_adopt_calls).at(0);
            std::pair<std::size_t, std::optional<std::string>> out(r[0].as<std::size_t>(), std::nullopt);
            if (!r[1].is_null()) out.second = r[1].c_str();
            return out;
        });
    }

    pool& db_;
    std::optional<std::string> unfinished_; ///< adopted so far, where the last look failed halfway
};

} // namespace

std::unique_ptr<port::recording_store> make_recording_store(database& db) {
    return std::make_unique<rows>(db);
}

} // namespace z360::adapter::postgres
