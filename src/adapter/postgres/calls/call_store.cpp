// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls with their legs, outbox and timeline. A commit is one statement: it all happens or nothing does.
#include "adapter/postgres/calls/call_document.hpp"
#include "adapter/postgres/calls/inbox_insert.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/pool.hpp"
#include "wire/state_codec.hpp"

#include <z360/log.hpp>

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace z360::adapter::postgres {
namespace asio = boost::asio;
using port::call_commit;
using port::commit_result;
namespace {

// How long an overdue call is left to the node that took it before others may take it too.
constexpr millis k_deadline_claim{1'000};

// $1: the document of call_document.cpp, $2: claim in ms of effects whose turn comes.
#define Z360_DOCUMENT "with d as materialized (select $1::jsonb as j), "

// A call begins once: neither its id nor its carrier session may exist.
constexpr std::string_view k_begin = Z360_DOCUMENT R"sql(moved as (
    insert into calls (call_id, call_session_id, caller_control_id, org_id, user_id, phone_number_id, phase,
                       end_reason, winner_leg_id, version, next_deadline, snapshot, began_at, answered_at,
                       bridged_at, ended_at, updated_at, form, caller_number, caller_sent, dialed_sent, shared,
                       placed_by)
    select (j->>'call')::uuid, j->>'session', j->>'caller', (j->>'org')::bigint, (j->>'user')::bigint,
           (j->>'number')::bigint, j->>'phase', j->>'reason', (j->>'winner')::uuid, coalesce((j->>'next_version')::bigint, 1),
           z360_at((j->>'deadline')::bigint), j->'snapshot', z360_at((j->>'began')::bigint),
           z360_at((j->>'answered')::bigint), z360_at((j->>'bridged')::bigint), z360_at((j->>'ended')::bigint),
           z360_at((j->>'at')::bigint), (j->>'form')::int, j->>'caller_number', j->>'caller_sent', j->>'dialed_sent',
           j ? 'people', (j->>'placed_by')::bigint
      from d
    on conflict do nothing
    returning call_id, org_id, version
))sql";

// Of a call that is several people's.
constexpr std::string_view k_people = R"sql(, people as (
    insert into call_people (call_id, org_id, user_id, phone_number_id, began_at)
    select m.call_id, m.org_id, x.value::bigint, (j->>'number')::bigint, z360_at((j->>'began')::bigint)
      from moved m, d, jsonb_array_elements_text(j->'people') as x
     where exists (select from users u where u.user_id = x.value::bigint)
))sql";

// The compare-and-set. A second writer waits for the first one's row lock, sees the new version and moves
// nothing. The organisation of a call never changes (BE-15), so it is not among the columns. What a newer
// program wrote is not ours to overwrite.
constexpr std::string_view k_step = Z360_DOCUMENT R"sql(moved as (
    update calls c
       set caller_control_id = j->>'caller', phase = j->>'phase', end_reason = j->>'reason',
           winner_leg_id = (j->>'winner')::uuid, version = coalesce((j->>'next_version')::bigint, c.version + 1),
           next_deadline = z360_at((j->>'deadline')::bigint), deadline_claimed_until = null,
           snapshot = j->'snapshot', answered_at = z360_at((j->>'answered')::bigint),
           bridged_at = z360_at((j->>'bridged')::bigint), ended_at = z360_at((j->>'ended')::bigint),
           updated_at = z360_at((j->>'at')::bigint), form = (j->>'form')::int
      from d
     where c.call_id = (j->>'call')::uuid and c.version = (j->>'version')::bigint
       and c.form <= (j->>'form')::int
    returning c.call_id, c.org_id, c.version
))sql";

// Rows are found by their keys. A plain `status = 'pending'` beside a key would let the planner find them by
// the index of all that is pending, and read a whole backlog for each; a CASE is of no index.
#define Z360_PENDING(row) "case " row ".status when 'pending' then true else false end"

constexpr std::string_view k_legs = R"sql(, legs as (
    insert into call_legs as l (leg_id, call_id, org_id, role, endpoint, address, device_id, identity_id, attempt,
                                call_control_id, dial, answer_order, initiated, answered, bridged, ended,
                                release_reason, hangup_cause)
    select x.leg, m.call_id, m.org_id, x.role, x.endpoint, x.address, x.device, x.identity, x.attempt, x.control, x.dial,
           x.answer_order, x.initiated, x.answered, x.bridged, x.ended, x.release, x.cause
      from moved m, d, jsonb_to_recordset(j->'legs') as x(leg uuid, role text, endpoint text, address text,
           device bigint, identity bigint, attempt int, control text, dial text, answer_order int, initiated boolean, answered boolean, bridged boolean, ended boolean,
           release text, cause text)
    on conflict (leg_id) do update
       set call_control_id = excluded.call_control_id, dial = excluded.dial,
           answer_order = excluded.answer_order, initiated = excluded.initiated, answered = excluded.answered,
           bridged = excluded.bridged, ended = excluded.ended, release_reason = excluded.release_reason,
           hangup_cause = excluded.hangup_cause
     where (l.call_control_id, l.dial, l.answer_order, l.initiated, l.answered, l.bridged, l.ended,
            l.release_reason, l.hangup_cause)
           is distinct from (excluded.call_control_id, excluded.dial, excluded.answer_order, excluded.initiated,
            excluded.answered, excluded.bridged, excluded.ended, excluded.release_reason, excluded.hangup_cause)
))sql";

// claimed in a line of the database that was cut off: what is written now is what counts
constexpr std::string_view k_forgotten = R"sql(, forgotten as (
    update call_joins t set over = 'overtaken', over_at = z360_at((j->>'at')::bigint)
      from moved m, d
     where t.call_id = m.call_id and t.over is null
       and not exists (select from jsonb_to_recordset(j->'joins') as x(leg uuid, epoch int)
                        where x.leg = t.leg_id and x.epoch = t.epoch)
))sql";

constexpr std::string_view k_joins = R"sql(, joins as (
    insert into call_joins as t (call_id, leg_id, epoch, org_id, commanded, accepted, refused, joined_at, over, over_at)
    select m.call_id, x.leg, x.epoch, m.org_id, x.commanded, x.accepted, x.refused, z360_at(x.joined), x.over,
           z360_at(x.over_at)
      from moved m, d, jsonb_to_recordset(j->'joins') as x(place int, leg uuid, epoch int, commanded boolean,
           accepted boolean, refused boolean, joined bigint, over text, over_at bigint)
     order by x.place
    on conflict (call_id, leg_id, epoch) do update
       set commanded = excluded.commanded, accepted = excluded.accepted, refused = excluded.refused,
           joined_at = excluded.joined_at, over = excluded.over, over_at = excluded.over_at
     where (t.commanded, t.accepted, t.refused, t.joined_at, t.over, t.over_at)
           is distinct from (excluded.commanded, excluded.accepted, excluded.refused, excluded.joined_at,
            excluded.over, excluded.over_at)
))sql";

// What the carrier has recorded: the row is there with the news, and somebody comes for a copy.
constexpr std::string_view k_recordings = R"sql(, recordings as (
    insert into recordings (call_id, carrier_id, org_id, user_id, purpose, carrier_url, format, began_at, ended_at)
    select m.call_id, x.id, m.org_id, (j->>'user')::bigint, x.purpose, x.url, x.format, z360_at(x.began),
           z360_at(x.ended)
      from moved m, d, jsonb_to_recordset(j->'recordings') as x(id text, purpose text, url text, format text,
           began bigint, ended bigint)
     where m.org_id is not null
    on conflict (call_id, carrier_id) do nothing
))sql";

// What was measured of a leg is the same whenever it is told.
constexpr std::string_view k_media = R"sql(, media as (
    insert into leg_media (call_id, carrier_leg, org_id, leg_id, mos, jitter_ms, packets_in, packets_out, skipped_in,
                           skipped_out, told_at)
    select m.call_id, x.carrier, m.org_id, x.leg, x.mos, x.jitter, x.pin, x.pout, x.sin, x.sout, z360_at((j->>'at')::bigint)
      from moved m, d, jsonb_to_recordset(j->'media') as x(carrier text, leg uuid, mos numeric, jitter numeric,
           pin bigint, pout bigint, sin bigint, sout bigint)
     where m.org_id is not null
    on conflict (call_id, carrier_leg) do nothing
))sql";

// By which an agent may ask who calls, for as long as a webhook is fresh. A dial that is wanted again keeps
// its own.
constexpr std::string_view k_references = R"sql(, referenced as (
    insert into agent_references (hash, call_id, org_id, leg_id, issued_at, expires_at)
    select decode(x.hash, 'hex'), m.call_id, m.org_id, x.leg, z360_at(x.issued),
           z360_at(x.issued) + interval '60 seconds'
      from moved m, d, jsonb_to_recordset(j->'references') as x(hash text, leg uuid, issued bigint)
     where m.org_id is not null
    on conflict (hash) do nothing
))sql";

// In whatever order they come, the newest that has not failed stays. One statement cannot write a row twice.
constexpr std::string_view k_charges = R"sql(, charged as (
    insert into leg_charges as t (call_id, carrier_leg, org_id, leg_id, total, currency, failed, billed_secs, parts, at)
    select distinct on (x.carrier) m.call_id, x.carrier, m.org_id, x.leg, x.total, x.currency, x.failed, x.billed,
           x.parts, z360_at(x.at)
      from moved m, d, jsonb_to_recordset(j->'charges') as x(carrier text, leg uuid, total numeric, currency text,
           failed boolean, billed int, parts jsonb, at bigint)
     where m.org_id is not null
     order by x.carrier, x.failed, x.at desc
    on conflict (call_id, carrier_leg) do update
       set total = excluded.total, currency = excluded.currency, failed = excluded.failed,
           billed_secs = excluded.billed_secs, parts = excluded.parts, at = excluded.at
     where (not excluded.failed, excluded.at) > (not t.failed, t.at)
))sql";

constexpr std::string_view k_new_commands = R"sql(, new_commands as (
    insert into commands (command_id, call_id, org_id, leg_id, channel, verb, payload, deadline, status,
                          claimed_until, created_at, finished_at, error_code, attempts, form, after_id)
    select x.id, m.call_id, m.org_id, x.leg, x.channel, x.verb, x.payload, z360_at(x.deadline), coalesce(x.status, 'pending'),
           clock_timestamp() + x.claim * interval '1 ms', z360_at(x.issued),
           case when x.status is not null then z360_at((j->>'at')::bigint) end, x.error,
           coalesce(x.attempts, 0), x.form, x.after
      from moved m, d, jsonb_to_recordset(j->'commands') as x(id text, leg uuid, channel text, verb text, claim bigint,
           payload jsonb, deadline bigint, issued bigint, status text, error text, attempts int, form int, after text)
     where x.status is null or (select count(*) from commands e where e.command_id = x.id) = 0 -- else `finished` has it
    on conflict (command_id) do update -- given up, and wanted after all; or it need not wait any more
       set status = excluded.status, payload = excluded.payload, deadline = excluded.deadline, form = excluded.form,
           after_id = excluded.after_id, claimed_until = excluded.claimed_until, finished_at = excluded.finished_at,
           error_code = excluded.error_code
     where excluded.status = 'pending' and (commands.status = 'superseded' or (commands.status = 'pending'
           and commands.after_id is not null and excluded.after_id is null))
))sql";

constexpr std::string_view k_finished = R"sql(, finished as (
    update commands c
       set status = x.status, error_code = x.error, finished_at = z360_at((j->>'at')::bigint),
           attempts = greatest(c.attempts, x.attempts)
      from moved m, d, jsonb_to_recordset(j->'finished') as x(id text, status text, error text, attempts int)
     where c.command_id = x.id and c.call_id = m.call_id and )sql" Z360_PENDING("c") R"sql(
))sql";

// of one that has succeeded: its turn, and this node starts it; else it is given up
constexpr std::string_view k_followers = R"sql(, followers as (
    update commands c
       set status = case x.status when 'done' then 'pending' else 'superseded' end,
           finished_at = case when x.status <> 'done' then z360_at((j->>'at')::bigint) end,
           error_code = case when x.status <> 'done' then 'predecessor_' || x.status end,
           claimed_until = case x.status when 'done' then clock_timestamp() + $2::bigint * interval '1 ms'
                                         else c.claimed_until end
      from moved m, d, jsonb_to_recordset(j->'finished') as x(id text, status text)
     where c.call_id = m.call_id and c.after_id = x.id and )sql" Z360_PENDING("c") R"sql(
       and exists (select from commands p where p.command_id = x.id and )sql" Z360_PENDING("p") R"sql()
       and not exists (select from jsonb_to_recordset(j->'commands') as n(id text) where n.id = c.command_id)
       and not exists (select from jsonb_to_recordset(j->'finished') as f(id text) where f.id = c.command_id)
))sql";

constexpr std::string_view k_timeline = R"sql(, timeline as (
    insert into call_events (call_id, org_id, at, what, detail)
    select m.call_id, m.org_id, z360_at((j->>'at')::bigint), x.value->>0, x.value->>1
      from moved m, d, jsonb_array_elements(j->'notes') with ordinality as x order by x.ordinality
))sql";

// Every commit's.
constexpr std::string_view k_steps = R"sql(, steps as (
    insert into call_steps (call_id, version, steps)
    select m.call_id, m.version, j->'steps' from moved m, d where j->'steps' is not null
))sql";

constexpr std::string_view k_events = R"sql(, events as (
    update webhook_events w
       set status = 'done', processed_at = clock_timestamp(), call_id = m.call_id, orphaned = false
      from moved m
     where w.event_id = any(array(select jsonb_array_elements_text(j->'events') from d))
       and case w.status when 'new' then true when 'dead' then w.orphaned else false end
))sql";

// Never there before: a double refuses the whole commit.
constexpr std::string_view k_fresh = R"sql(, fresh as (
    insert into webhook_events (event_id, event_type, route, call_session_id, call_control_id, call_id, received_at,
                                body, stored_at, claimed_until, status, processed_at)
    select x.id, x.type, x.route, nullif(x.session, ''), nullif(x.control, ''), m.call_id, z360_at(x.received),
           b.body, c.at, c.at, 'done', c.at
      from moved m, d, (select clock_timestamp() as at offset 0) as c, jsonb_to_recordset(j->'fresh') as x(place int, id text, type text, route text, session text,
           control text, received bigint),
           unnest($3::bytea[]) with ordinality as b(body, place)
     where b.place = x.place
     order by x.id -- as the inbox inserts them: two who store the same ones cannot deadlock
))sql";

// What a commit holds. Each table costs something even where nothing is written to it, so a statement names
// those alone that its commit writes to.
enum part : unsigned {
    references = 8192,
    people = 4096,
    charges = 2048,
    media = 1024,
    recordings = 512,
    fresh = 256, ///< events that are in no inbox yet
    begins = 128,
    legs = 64,
    joins = 32,
    forward = 16, ///< over lost commits
    effects = 8,
    finished = 4,
    notes = 2,
    events = 1,
};

unsigned parts_of(const call_commit& c, bool refers) {
    const auto if_any = [](part p, const auto& all) { return all.empty() ? 0U : p; };
    unsigned out = c.touched ? if_any(legs, *c.touched) : legs;
    if (c.expected_version == 0) out |= begins | (c.next.routed.plan.empty() ? 0U : people);
    if (c.joins_touched) out |= joins;
    if (c.recordings_touched && !c.next.recordings.empty()) out |= recordings;
    if (c.next_version != 0) out |= forward;
    for (const auto& r : c.reports)
        out |= std::holds_alternative<call::charge>(r.what) ? charges : media;
    for (const auto& e : c.new_effects)
        if (refers && wire::dial_of_agent(e) != nullptr) out |= references;
    return out | if_any(effects, c.new_effects) | if_any(finished, c.finished) | if_any(notes, c.notes) |
           if_any(events, c.processed_events) | if_any(fresh, c.fresh_events);
}

std::string statement_for(unsigned parts) {
    std::string out((parts & begins) != 0 ? k_begin : k_step);
    out += k_steps;
    for (const auto& [p, sql] :
         {std::pair{people, k_people}, std::pair{legs, k_legs}, std::pair{forward, k_forgotten},
          std::pair{joins, k_joins}, std::pair{recordings, k_recordings}, std::pair{media, k_media},
          std::pair{charges, k_charges}, std::pair{references, k_references},
          std::pair{effects, k_new_commands}, std::pair{finished, k_finished},
          std::pair{finished, k_followers}, std::pair{notes, k_timeline}, std::pair{events, k_events},
          std::pair{fresh, k_fresh}})
        if ((parts & p) != 0) out += sql;
    // The first two parameters have a type in every one of them.
    return out + " select count(*) from moved where $2::bigint is not null";
}

// What most calls go through: begun, legs ring, one answers and is joined, the others are hung up, all ends.
constexpr std::array<unsigned, 22> k_usual = {
    begins | legs | joins | effects | notes | events,
    legs | events,
    legs | notes | events,
    legs | finished,
    legs | finished | events,
    legs | finished | notes,
    legs | finished | notes | events,
    legs | effects | notes | events,
    legs | effects | notes | fresh,
    legs | effects | notes | events | fresh,
    legs | joins | effects | notes | events,
    legs | joins | effects | notes | fresh,
    legs | joins | effects | notes | events | fresh,
    legs | joins | effects | finished,
    legs | joins | effects | finished | events,
    legs | joins | finished | notes | events,
    finished,
    notes | events,
    media | legs | events,
    media | legs | notes | events,
    media | legs | joins | effects | notes | fresh,
    charges | events,
};

/// A statement and the name under which a connection prepares it. Made once each, kept for good.
class statements {
  public:
    struct one {
        std::string name, sql;
    };
    const one& of(unsigned parts) {
        const std::scoped_lock lock(mutex_);
        auto& x = made_[parts];
        const char* kind = (parts & begins) != 0 ? "call_begin_" : "call_step_";
        if (x.name.empty()) x = {kind + std::to_string(parts), statement_for(parts)};
        return x;
    }
    [[nodiscard]] std::vector<warm_statement> usual() {
        std::vector<warm_statement> out;
        for (const auto parts : k_usual) {
            const auto& x = of(parts);
            out.push_back({x.name, x.sql, (parts & fresh) != 0 ? 3U : 2U});
        }
        return out;
    }

  private:
    std::mutex mutex_; ///< connections are used by threads of their own
    std::map<unsigned, one> made_;
};

constexpr const char* k_load = "select snapshot::text, version, form from calls where call_id = $1";

// A leg says more than a session, which two callers may share.
constexpr const char* k_find = R"sql(
select call_id from (
    select call_id, 1 as place from calls where caller_control_id = $2
    union all select call_id, 2 from call_legs where call_control_id = $2
    union all select call_id, 3 from calls where call_session_id = $1) as found
order by place limit 1)sql";

constexpr const char* k_overdue = R"sql(
with due as (
    select call_id from calls
     where next_deadline <= clock_timestamp() - $1::bigint * interval '1 ms'
       and (deadline_claimed_until is null or deadline_claimed_until <= clock_timestamp())
       and form <= $4
     order by next_deadline limit $2 for update skip locked
)
update calls c set deadline_claimed_until = clock_timestamp() + $3::bigint * interval '1 ms'
  from due where c.call_id = due.call_id
returning c.call_id)sql";

// How long after its deadline one that still waits is given up: no request of it can be on its way then.
constexpr millis k_never_its_turn{5'000};

// The one rule by which an effect is taken: its channel is one that this node can carry out, its form one
// that this program reads, and it waits for nothing: what it waited for is done, or its time is over. What
// waits for one that is taken comes along.
#define Z360_OURS(row)                                                                                       \
    row ".channel = any($4::text[]) and " row ".form - case when " row                                       \
        ".after_id is null then 0 else $6::int end <= case " row                                             \
        ".channel when 'carrier' then $3::int else $5::int end "
constexpr const char* k_orphans = R"sql(
with due as (
    select command_id from commands o
     where status = 'pending' and claimed_until <= clock_timestamp() and )sql" Z360_OURS("o") R"sql(
       and not exists (select from calls c where c.call_id = o.call_id and c.form > $3)
       and (after_id is null or deadline <= clock_timestamp() - $7::bigint * interval '1 ms'
            or exists (select from commands p where p.command_id = o.after_id and p.status = 'done'))
     order by claimed_until limit $1 for update skip locked
), taken as (
    update commands c set claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
      from due where c.command_id = due.command_id
    returning c.call_id, c.payload, c.attempts, c.command_id
)
select call_id, payload::text, attempts, command_id, false from taken
union all
select w.call_id, w.payload::text, w.attempts, w.command_id, true
  from taken t join commands w on w.call_id = t.call_id and w.after_id = t.command_id
 where w.status = 'pending' and w.command_id not in (select command_id from taken) and )sql" Z360_OURS("w");

constexpr const char* k_extend = R"sql(
update commands set attempts = greatest(attempts, $3::int), claimed_until = clock_timestamp() + $2::bigint * interval '1 ms'
 where command_id = $1 and status = 'pending')sql";

class call_rows final : public port::call_store {
  public:
    call_rows(database& db, reference_hash hash_of) : db_(db.connections()), hash_of_(std::move(hash_of)) {
        db_.keep_warm(statements_.usual());
    }

    asio::awaitable<std::optional<port::stored_call>> load(call_id id) override;
    asio::awaitable<std::optional<call_id>>
    find(std::string call_session_id, std::string call_control_id) override;
    asio::awaitable<commit_result> commit(call_commit what, port::effect_claims claims) override;
    asio::awaitable<std::vector<call_id>> claim_overdue(millis margin, std::size_t limit) override;
    asio::awaitable<std::vector<port::orphan_effect>>
    claim_effects(std::size_t limit, millis claim, std::vector<call::channel> channels) override;
    asio::awaitable<void> extend_claim(std::string effect_id, millis claim, unsigned attempts) override;

  private:
    pool& db_;
    reference_hash hash_of_;
    statements statements_;
};

asio::awaitable<std::optional<port::stored_call>> call_rows::load(call_id id) {
    auto ask = [text = id.text()](pqxx::connection_base& db) -> std::optional<port::stored_call> {
        const auto r = exec_once(db, "call_load", k_load, text);
        if (r.empty()) return std::nullopt;
        if (const auto form = r[0][2].as<int>(); form > wire::k_state_version)
            throw port::newer_form(
                "call " + text + " is stored in form " + std::to_string(form) +
                ", this program reads up to " + std::to_string(wire::k_state_version)
            );
        auto state = wire::decode_state(r[0][0].c_str());
        if (!state || state->id.text() != text) // another call's would be written over that one
            throw std::runtime_error("call " + text + " is damaged in store: this program cannot read it");
        return port::stored_call{std::move(*state), r[0][1].as<std::uint64_t>()};
    };
    co_return co_await db_.run("call_load", std::move(ask));
}

asio::awaitable<std::optional<call_id>>
call_rows::find(std::string call_session_id, std::string call_control_id) {
    auto ask = [session = storable(call_session_id),
                control = storable(call_control_id)](pqxx::connection_base& db) -> std::optional<call_id> {
        const auto r = exec_once(db, "call_find", k_find, session, control); // '' is in no row (CHECK)
        if (r.empty()) return std::nullopt;
        return call_id::parse(r[0][0].c_str());
    };
    co_return co_await db_.run("call_find", std::move(ask));
}

asio::awaitable<commit_result> call_rows::commit(call_commit what, port::effect_claims claims) {
    const bool first = what.expected_version == 0;
    for (const auto& e : what.fresh_events) // the inbox sets it aside
        if (!is_inbox_id(e.event_id)) co_return commit_result::conflict;
    auto ask = [&how = statements_.of(parts_of(what, hash_of_ != nullptr)),
                document = call_document(what, claims, hash_of_), ms = claims.usual.count(),
                fresh = std::move(what.fresh_events)](pqxx::connection_base& db) {
        const auto result_of = [](const pqxx::result& r) {
            return r[0][0].as<int>() == 1 ? commit_result::committed : commit_result::conflict;
        };
        if (fresh.empty()) return result_of(exec_once(db, how.name.c_str(), how.sql.c_str(), document, ms));
        std::vector<std::string_view> bodies;
        for (const auto& e : fresh)
            bodies.emplace_back(e.body);
        try {
            return result_of(
                exec_once(db, how.name.c_str(), how.sql.c_str(), document, ms, bytea_array(bodies))
            );
        } catch (const pqxx::unique_violation&) {
            return commit_result::conflict; // one of them is stored already
        }
    };
    co_return co_await db_.run(first ? "call_begin" : "call_step", std::move(ask));
}

asio::awaitable<std::vector<call_id>> call_rows::claim_overdue(millis margin, std::size_t limit) {
    auto ask = [ms = margin.count(), limit](pqxx::connection_base& db) {
        std::vector<call_id> out;
        const auto due = exec_once(
            db, "call_overdue", k_overdue, ms, limit, k_deadline_claim.count(), wire::k_state_version
        );
        for (const auto& r : due)
            if (const auto id = call_id::parse(r[0].c_str())) out.push_back(*id);
        return out;
    };
    co_return co_await db_.run("call_overdue", std::move(ask));
}

asio::awaitable<std::vector<port::orphan_effect>>
call_rows::claim_effects(std::size_t limit, millis claim, std::vector<call::channel> channels) {
    std::string list = "{";
    for (const auto c : channels) {
        if (list.size() > 1) list += ',';
        list += name(c);
    }
    list += '}';
    auto ask = [limit, ms = claim.count(), list = std::move(list)](pqxx::connection_base& db) {
        std::vector<port::orphan_effect> out;
        const auto left = exec_once(
            db, "command_claim", k_orphans, limit, ms, wire::k_state_version, list,
            wire::k_other_channels_form, wire::k_waiting_form, k_never_its_turn.count()
        );
        for (const auto& r : left) {
            const auto call = call_id::parse(r[0].c_str());
            auto effect = wire::decode_effect(r[1].c_str());
            if (call && effect)
                out.push_back({*call, std::move(*effect), r[2].as<std::uint32_t>(), r[4].as<bool>()});
            else
                log::error("command_unreadable", {{"call_uuid", r[0].c_str()}, {"command_id", r[3].c_str()}});
        }
        return out;
    };
    co_return co_await db_.run("command_claim", std::move(ask));
}

asio::awaitable<void> call_rows::extend_claim(std::string effect_id, millis claim, unsigned attempts) {
    auto ask = [id = std::move(effect_id), ms = claim.count(), attempts](pqxx::connection_base& db) {
        exec_once(db, "command_extend", k_extend, id, ms, attempts);
    };
    co_await db_.run("command_extend", std::move(ask));
}

} // namespace

std::unique_ptr<port::call_store> make_call_store(database& db, reference_hash hash_of) {
    return std::make_unique<call_rows>(db, std::move(hash_of));
}

} // namespace z360::adapter::postgres
