// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When an organisation takes calls, and from whom it takes none.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"
#include "wire/opening_hours.hpp"

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::blocked_caller;
using port::opening;
using why = port::refusal::why;

constexpr std::size_t k_longest_note = 1'000;
constexpr std::size_t k_longest_text = 3'000;

constexpr const char* k_put_opening = R"sql(
insert into opening_hours (org_id, time_zone, rules, closed_greeting, closed_to) values ($1, $2, $3::jsonb, $4, $5)
on conflict (org_id) do update
   set time_zone = excluded.time_zone, rules = excluded.rules, closed_greeting = excluded.closed_greeting,
       closed_to = excluded.closed_to, updated_at = now()
returning xmax = 0)sql";

constexpr const char* k_put_blocked = R"sql(
insert into blocked_callers (org_id, e164, note) values ($1, $2, $3)
on conflict (org_id, e164) do update set note = excluded.note
returning xmax = 0)sql";

} // namespace

outcome_of<opening> put(connection& db, const tenant_scope& who, opening o) {
    if (!may_write(who, o.org)) return refused<opening>(why::not_found, "org", "does not exist");
    o.time_zone = storable(o.time_zone);
    if (o.closed_greeting) *o.closed_greeting = storable(*o.closed_greeting);
    for (auto& day : o.hours.special)
        day.name = storable(day.name);
    if (o.closed_greeting && (o.closed_greeting->empty() || o.closed_greeting->size() > k_longest_text))
        return refused<opening>(why::invalid, "closed_greeting", "give 1 to 3000 bytes");
    return guarded([&] {
        tenant_transaction tx(db, who);
        // Names of places alone: of "UTC+3" Postgres makes a zone with the opposite sign, "CET" has no summer
        // time.
        const auto known = exec_in(
            *tx, "opening_zone",
            "select exists (select from pg_timezone_names where name = $1 and (name = 'UTC' or (position('/' "
            "in "
            "name) > 0 and name !~ '^(posix|right|Etc)/')))",
            o.time_zone
        );
        if (!known[0][0].as<bool>())
            return refused<opening>(
                why::invalid, "time_zone", "is no time zone; write it like America/Chicago"
            );
        const auto r = exec_in(
            *tx, "opening_put", k_put_opening, o.org.value, o.time_zone, wire::to_json(o.hours).dump(),
            or_null(o.closed_greeting), o.closed_to_agent ? "agent" : "voicemail"
        );
        outcome_of<opening> out;
        out.created = r[0][0].as<bool>();
        out.value = o;
        tx.commit();
        return out;
    });
}

std::optional<opening> opening_of(connection& db, const tenant_scope& who, org_id o) {
    tenant_transaction tx(db, who);
    const auto r = exec_in(
        *tx, "opening_of",
        "select time_zone, rules::text, closed_greeting, closed_to = 'agent' from opening_hours "
        "where org_id = $1",
        o.value
    );
    if (r.empty()) return std::nullopt;
    opening out;
    out.org = o;
    out.time_zone = r[0][0].c_str();
    std::vector<wire::hours_fault> none; // it was checked when it was stored
    out.hours = wire::read_opening_hours(nlohmann::json::parse(r[0][1].c_str()), none);
    if (!r[0][2].is_null()) out.closed_greeting = r[0][2].c_str();
    out.closed_to_agent = r[0][3].as<bool>();
    return out;
}

bool remove_opening(connection& db, const tenant_scope& who, org_id o) {
    if (!may_write(who, o)) return false;
    tenant_transaction tx(db, who);
    const auto gone = exec_in(*tx, "opening_remove", "delete from opening_hours where org_id = $1", o.value)
                          .affected_rows();
    tx.commit();
    return gone > 0;
}

outcome_of<blocked_caller> put(connection& db, const tenant_scope& who, blocked_caller b) {
    if (!may_write(who, b.org)) return refused<blocked_caller>(why::not_found, "org", "does not exist");
    const auto e164 = wire::to_e164(b.e164);
    if (!e164)
        return refused<blocked_caller>(
            why::invalid, "e164", "is no phone number; write it like +15550100001"
        );
    b.e164 = *e164;
    b.note = storable(b.note);
    if (b.note.size() > k_longest_note)
        return refused<blocked_caller>(why::invalid, "note", "give at most 1000 bytes");
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto r = exec_in(*tx, "blocked_put", k_put_blocked, b.org.value, b.e164, b.note);
        outcome_of<blocked_caller> out;
        out.created = r[0][0].as<bool>();
        out.value = b;
        tx.commit();
        return out;
    });
}

std::vector<blocked_caller> blocked_callers(
    connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit
) {
    tenant_transaction tx(db, who);
    std::vector<blocked_caller> out;
    for (const auto& r : exec_in(
             *tx, "blocked_list",
             "select e164, note from blocked_callers where org_id = $1 and e164 > $2 order by e164 limit $3",
             o.value, storable(after), limit
         ))
        out.push_back({r[0].c_str(), o, r[1].c_str()});
    return out;
}

bool remove_blocked_caller(connection& db, const tenant_scope& who, org_id o, const std::string& e164) {
    const auto number = wire::to_e164(e164);
    if (!may_write(who, o) || !number) return false;
    tenant_transaction tx(db, who);
    const auto gone = exec_in(
                          *tx, "blocked_remove",
                          "delete from blocked_callers where org_id = $1 and e164 = $2", o.value, *number
    )
                          .affected_rows();
    tx.commit();
    return gone > 0;
}

} // namespace z360::adapter::postgres::tenant_rows
