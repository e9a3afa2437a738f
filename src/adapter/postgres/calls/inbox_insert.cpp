// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/calls/inbox_insert.hpp"

#include "adapter/postgres/calls/inbox_claim.hpp"
#include "adapter/postgres/faults.hpp"
#include "adapter/postgres/params.hpp"
#include "wire/telnyx_webhook.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>

namespace z360::adapter::postgres {
using port::append_result;
using port::inbox_event;
namespace {

constexpr std::size_t k_id_length = 256; ///< longer ids are not Telnyx's and would not fit the index
constexpr std::size_t k_text_length = 256;
constexpr std::size_t k_reason_length = 1'000;
// What fits into a timestamptz with room on both sides: 1900 and 9999.
constexpr std::int64_t k_earliest = -2'208'988'800'000;
constexpr std::int64_t k_latest = 253'370'764'800'000;

constexpr std::array<const char*, 5> k_routes = {
    "call_control", "call_control_failover", "credential", "credential_failover", "own"
};

// Rows are inserted in the order of their ids, so that two nodes with the same events cannot deadlock.
constexpr const char* k_append = R"sql(
with input as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::text[], $10::bytea[]) with ordinality
        as t(event_id, event_type, route, session_id, control_id, received_ms, claim_ms, status, begins, body, n)
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
select i.n - 1, s.event_id is not null, w.recorded or w.digest = sha256(i.body),
       case when not (w.recorded or w.digest = sha256(i.body)) then w.body end,
       i.begins = 'yes' and not exists (select from input o where o.session_id = i.session_id and o.n <> i.n)
       and not exists (select from webhook_events o where o.call_session_id = i.session_id and )sql" Z360_INBOX_OPEN
                                 R"sql()
  from input i
  left join stored s on s.event_id = i.event_id
  left join lateral (select recorded, digest, body from webhook_events
                      where s.event_id is null and event_id = i.event_id limit 1) w on true)sql";

// For the rare row that another node stored while ours was running: the snapshot above cannot see it.
constexpr const char* k_compare = "select same, case when not same then body end "
                                  "from (select recorded or digest = sha256($2::bytea) as same, body from "
                                  "webhook_events where event_id = $1) w";

constexpr const char* k_known = R"sql(
select i.n - 1, w.digest = sha256(i.body), case when w.digest <> sha256(i.body) then w.body end
  from unnest($1::text[], $2::bytea[]) with ordinality as i(event_id, body, n)
  join webhook_events w on w.event_id = i.event_id)sql";

constexpr const char* k_conflict = R"sql(
insert into webhook_conflicts (event_id, route, received_at, body)
values ($1, $2, z360_at($3), $4::bytea) on conflict do nothing)sql";

constexpr const char* k_set_aside = R"sql(
insert into webhook_events (event_id, event_type, route, call_session_id, call_control_id, received_at, body,
                            claimed_until, status, processed_at, error)
values ($1, $2, $3, nullif($4, ''), nullif($5, ''), z360_at($6), $7::bytea, clock_timestamp(), 'dead',
        clock_timestamp(), $8)
on conflict do nothing)sql";

// An event that nothing can be wrong with; never committed.
constexpr const char* k_harmless = R"sql(
insert into webhook_events (event_id, event_type, route, call_session_id, call_control_id, received_at, body, claimed_until)
values ('harmless-' || gen_random_uuid(), 'call.answered', 'call_control', 'harmless', 'harmless', clock_timestamp(),
        '{}', clock_timestamp() + interval '1 minute'))sql";

pqxx::binarystring bytes(const std::string& s) {
    return pqxx::binarystring(s);
}

// Whole characters of what Postgres accepts.
std::string shortened(std::string_view t, std::size_t limit) {
    if (t.size() > limit) {
        t = t.substr(0, limit);
        while (!t.empty() && (static_cast<unsigned char>(t.back()) & 0xC0U) == 0x80U)
            t.remove_suffix(1);
        if (!t.empty() && static_cast<unsigned char>(t.back()) >= 0xC0U) t.remove_suffix(1);
    }
    return storable(t);
}

// The next best thing to an event that cannot be stored: nothing in it that could be refused, except its
// bytes.
inbox_event substitute(const inbox_event& e) {
    inbox_event s;
    s.event_id =
        is_inbox_id(e.event_id)
            ? e.event_id
            : "unstorable-" + derive_uuid(std::to_string(e.event_id.size()) + e.event_id + e.body).text();
    s.event_type = shortened(e.event_type, k_text_length);
    s.route = e.route;
    s.call_session_id = shortened(e.call_session_id, k_text_length);
    s.call_control_id = shortened(e.call_control_id, k_text_length);
    s.received_at = time_point{millis{std::clamp(in_ms(e.received_at), k_earliest, k_latest)}};
    s.body = e.body;
    return s;
}

inbox_event bare(inbox_event s) {
    s.event_type.clear();
    s.call_session_id.clear();
    s.call_control_id.clear();
    return s;
}

bool refuses_row(const pqxx::sql_error& e) {
    return fault_of(sqlstate_of(e)) == fault::row;
}

std::string reason_of(const pqxx::sql_error& e) {
    return "SQLSTATE " + sqlstate_of(e) + ": " + one_line(e.what());
}

class insertion {
  public:
    explicit insertion(pqxx::connection_base& db) : db_(db) {}

    void store(std::span<const inbox_row* const> rows);
    void store_repeated(const inbox_row& r, append_result first);
    void set_aside(const inbox_row& r, std::string reason);
    inbox_results out;

  private:
    void insert(std::span<const inbox_row* const> rows);
    [[nodiscard]] append_result
    judge(const inbox_event& e, const pqxx::field& same_bytes, const pqxx::field& stored);
    [[nodiscard]] append_result compare(const inbox_event& e);
    void keep_conflict(const inbox_event& e);
    [[nodiscard]] bool bury(const inbox_event& e, const std::string& reason);
    void ask_whether_it_is_the_row();
    [[nodiscard]] std::vector<const inbox_row*> without_known(std::span<const inbox_row* const> rows);

    pqxx::connection_base& db_;
    bool asked_ = false;
};

// Halves a batch that was refused until the rows that are refused are alone.
void insertion::store(std::span<const inbox_row* const> rows) {
    if (rows.empty()) return;
    std::string reason;
    try {
        insert(rows);
        return;
    } catch (const pqxx::sql_error& e) {
        if (!refuses_row(e)) throw;
        reason = reason_of(e);
    }
    if (!asked_) {
        ask_whether_it_is_the_row();
        asked_ = true;
        const auto left = without_known(rows);
        if (left.size() < rows.size()) return store(left);
    }
    if (rows.size() == 1) return set_aside(*rows.front(), reason);
    const auto half = rows.size() / 2;
    store(rows.first(half));
    store(rows.subspan(half));
}

// What an attempt before this one has stored or set aside. So attempts that run out of time come to an end
// together.
std::vector<const inbox_row*> insertion::without_known(std::span<const inbox_row* const> rows) {
    std::vector<std::string> ids;
    std::vector<std::string_view> bodies;
    for (const inbox_row* x : rows) {
        ids.push_back(x->event.event_id);
        bodies.emplace_back(x->event.body);
    }
    for (const auto& r : exec_once(db_, "inbox_known", k_known, text_array(ids), bytea_array(bodies))) {
        const inbox_row* x = rows[r[0].as<std::size_t>()];
        out[x] = judge(x->event, r[1], r[2]);
    }
    std::vector<const inbox_row*> left;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(left), [this](const inbox_row* x) {
        return !out.contains(x);
    });
    return left;
}

// A trigger or a constraint that nothing passes is the schema's fault, whatever its SQLSTATE says.
void insertion::ask_whether_it_is_the_row() {
    try {
        pqxx::work tx(db_);
        tx.exec(k_harmless);
        tx.abort();
    } catch (const pqxx::sql_error& e) {
        if (!refuses_row(e)) throw;
        throw port::unavailable("postgres: the inbox takes no event at all: " + reason_of(e));
    }
}

void insertion::insert(std::span<const inbox_row* const> rows) {
    std::array<std::vector<std::string>, 9> columns;
    std::vector<std::string_view> bodies;
    for (const inbox_row* x : rows) {
        const auto& e = x->event;
        columns[0].push_back(e.event_id);
        columns[1].push_back(storable(e.event_type));
        columns[2].emplace_back(name_of(e.route));
        columns[3].push_back(storable(e.call_session_id));
        columns[4].push_back(storable(e.call_control_id));
        columns[5].push_back(std::to_string(in_ms(e.received_at)));
        columns[6].push_back(std::to_string(x->claim.count()));
        columns[7].emplace_back(e.settled ? "ignored" : "new");
        columns[8].emplace_back(e.begins && !e.call_session_id.empty() ? "yes" : "no");
        bodies.emplace_back(e.body);
    }
    const auto answer = exec_once(
        db_, "inbox_append", k_append, text_array(columns[0]), text_array(columns[1]), text_array(columns[2]),
        text_array(columns[3]), text_array(columns[4]), text_array(columns[5]), text_array(columns[6]),
        text_array(columns[7]), text_array(columns[8]), bytea_array(bodies)
    );
    for (const auto& r : answer) {
        const inbox_row* x = rows[r[0].as<std::size_t>()];
        const auto fresh = r[4].as<bool>() ? append_result::stored_alone : append_result::stored;
        out[x] = r[1].as<bool>() ? fresh : judge(x->event, r[2], r[3]);
    }
}

// The bytes of two deliveries of one event differ in their `meta`, and may differ in how they are printed.
append_result
insertion::judge(const inbox_event& e, const pqxx::field& same_bytes, const pqxx::field& stored) {
    if (same_bytes.is_null()) return compare(e);
    if (same_bytes.as<bool>()) return append_result::duplicate;
    if (wire::same_event(e.body, pqxx::binarystring(stored).str())) return append_result::duplicate;
    keep_conflict(e);
    return append_result::conflict;
}

append_result insertion::compare(const inbox_event& e) {
    const auto r = exec_once(db_, "inbox_compare", k_compare, e.event_id, bytes(e.body));
    if (r.empty()) throw port::unavailable("postgres: event neither stored nor found"); // being pruned: retry
    return judge(e, r[0][0], r[0][1]);
}

// The event itself is stored; that its double cannot be kept is no reason to refuse it.
void insertion::keep_conflict(const inbox_event& e) {
    try {
        exec_once(
            db_, "inbox_conflict", k_conflict, e.event_id, name_of(e.route),
            std::clamp(in_ms(e.received_at), k_earliest, k_latest), bytes(e.body)
        );
    } catch (const pqxx::sql_error& x) {
        if (!refuses_row(x)) throw;
        log::error("inbox_conflict_refused", {{"event_id", e.event_id}, {"error", reason_of(x)}});
    }
}

void insertion::store_repeated(const inbox_row& r, append_result first) {
    out[&r] = first == append_result::refused ? first : compare(r.event);
}

void insertion::set_aside(const inbox_row& r, std::string reason) {
    auto e = substitute(r.event);
    for (const bool last : {false, true}) {
        if (last) e = bare(std::move(e));
        try {
            const bool fresh = bury(e, reason);
            out[&r] = fresh ? append_result::set_aside : compare(e);
            if (fresh) log::error("inbox_row_set_aside", {{"event_id", e.event_id}, {"error", reason}});
            return;
        } catch (const pqxx::sql_error& x) {
            if (!refuses_row(x)) throw;
            reason += "; as a dead letter: " + reason_of(x);
        }
    }
    out[&r] = append_result::refused;
    log::error("inbox_row_refused", {{"event_id", e.event_id}, {"error", reason}});
}

bool insertion::bury(const inbox_event& e, const std::string& reason) {
    const auto r = exec_once(
        db_, "inbox_set_aside", k_set_aside, e.event_id, e.event_type, name_of(e.route), e.call_session_id,
        e.call_control_id, in_ms(e.received_at), bytes(e.body), shortened(reason, k_reason_length)
    );
    return r.affected_rows() == 1;
}

} // namespace

warm_statement append_statement() {
    return {"inbox_append", k_append, 10};
}

bool is_inbox_id(const std::string& id) {
    return !id.empty() && id.size() <= k_id_length && storable(id) == id;
}

const char* name_of(port::webhook_route r) {
    return k_routes.at(static_cast<std::size_t>(r));
}

port::webhook_route route_of(std::string_view name) {
    const auto it = std::find(k_routes.begin(), k_routes.end(), name);
    return static_cast<port::webhook_route>(it == k_routes.end() ? 0 : it - k_routes.begin());
}

void inbox_batch::add(const inbox_row& r) {
    if (!is_inbox_id(r.event.event_id))
        misfits.push_back(&r);
    else
        (by_id.try_emplace(r.event.event_id, &r).second ? first : repeated).push_back(&r);
}

inbox_results insert_events(pqxx::connection_base& db, const inbox_batch& batch) {
    insertion run(db);
    run.store(batch.first);
    for (const inbox_row* x : batch.repeated)
        run.store_repeated(*x, run.out.at(batch.by_id.at(x->event.event_id)));
    for (const inbox_row* x : batch.misfits)
        run.set_aside(*x, "its id is empty, longer than 256 bytes, or no text");
    return std::move(run.out);
}

} // namespace z360::adapter::postgres
