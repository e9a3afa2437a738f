// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"

#include <algorithm>
#include <array>

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::contact;
using port::number;
using why = port::refusal::why;

#define Z360_NUMBER                                                                                          \
    "e164, connection_id, route_type, coalesce(receiving_user_id, 0), alias, status, is_default_caller_id, " \
    "coalesce(ring_plan, ''), coalesce(external_e164::text, ''), external_asked, coalesce(recording, "       \
    "'organization')"

constexpr const char* k_known = R"sql(
select exists (select from organizations where org_id = $1),
       $2::bigint is null or exists (select from memberships where org_id = $1 and user_id = $2),
       $3::text is null or exists (select from ring_plans where org_id = $1 and plan = $3),
       $4::text is not null and z360_is_ours($4))sql";

constexpr const char* k_only_default = R"sql(
update phone_numbers set is_default_caller_id = false
 where org_id = $1 and is_default_caller_id and not (connection_id = $2 and e164 = $3))sql";

constexpr const char* k_one =
    "select " Z360_NUMBER " from phone_numbers where org_id = $1 and connection_id = $2 and e164 = $3";

// Not an upsert: under row-level security its update would fail on a row of somebody else, and show it.
constexpr const char* k_insert =
    "insert into phone_numbers (org_id, connection_id, e164, route_type, receiving_user_id, alias, status, "
    "is_default_caller_id, ring_plan, external_e164, external_asked) "
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
    "on conflict (connection_id, e164) do nothing returning phone_number_id";
constexpr const char* k_update =
    "update phone_numbers set route_type = $4, receiving_user_id = $5, alias = $6, status = $7, "
    "is_default_caller_id = $8, ring_plan = $9, external_e164 = $10, external_asked = $11 where org_id = $1 "
    "and connection_id = $2 and e164 = $3 returning phone_number_id";

// What is said of the recording of a number is said of each connection that it is on.
constexpr const char* k_recording =
    "update phone_numbers set recording = nullif($3, 'organization') where org_id = $1 and e164 = $2 and not "
    "starts_with(connection_id, " Z360_GIVEN_BACK
    ") and recording is distinct from nullif($3, 'organization')";
constexpr const char* k_take_recording =
    "update phone_numbers n set recording = o.recording from phone_numbers o where n.org_id = $1 and "
    "n.connection_id = $2 and n.e164 = $3 and o.org_id = n.org_id and o.e164 = n.e164 and o.phone_number_id "
    "<> "
    "n.phone_number_id and o.recording is not null";

// One number on two connections: a page ends after both.
constexpr const char* k_list =
    "select " Z360_NUMBER " from phone_numbers where org_id = $1 and e164 > $2 and not starts_with("
    "connection_id, " Z360_GIVEN_BACK ") order by e164 fetch first ($3::bigint) rows with ties";

constexpr const char* k_give_back =
    "update phone_numbers set connection_id = " Z360_GIVEN_BACK " || phone_number_id, status = 'suspended', "
    "route_type = 'reject', receiving_user_id = null, ring_plan = null, external_e164 = null, recording = "
    "null, "
    "is_default_caller_id = false "
    "where org_id = $1 and e164 = $2 and not starts_with(connection_id, " Z360_GIVEN_BACK ")";

// What was said about the voicemail of a number is said of each connection that it comes to.
constexpr const char* k_take_box = R"sql(
insert into voicemail_settings (org_id, phone_number_id, voicemail, max_secs, greeting, greeting_url, closed_greeting,
                                unavailable_message, voice, beep)
select n.org_id, n.phone_number_id, v.voicemail, v.max_secs, v.greeting, v.greeting_url, v.closed_greeting,
       v.unavailable_message, v.voice, v.beep
  from phone_numbers n
  join phone_numbers o on o.org_id = n.org_id and o.e164 = n.e164 and o.phone_number_id <> n.phone_number_id
  join voicemail_settings v on v.phone_number_id = o.phone_number_id
 where n.org_id = $1 and n.connection_id = $2 and n.e164 = $3
 limit 1)sql";

// The row stays, what was said about its voicemail does not.
constexpr const char* k_forget_box =
    "delete from voicemail_settings v using phone_numbers n where n.phone_number_id = v.phone_number_id "
    "and n.org_id = $1 and n.e164 = $2";

constexpr const char* k_put_contact = R"sql(
insert into contacts (org_id, e164, name, avatar_url) values ($1, $2, $3, $4)
on conflict (org_id, e164) do update set name = excluded.name, avatar_url = excluded.avatar_url
returning xmax = 0)sql";

number read(const pqxx::row& r, org_id org) {
    number n;
    n.org = org;
    n.e164 = r[0].c_str();
    n.connection_id = r[1].c_str();
    n.route_type = r[2].c_str();
    n.receiver = {r[3].as<std::int64_t>()};
    n.alias = r[4].c_str();
    n.status = r[5].c_str();
    n.default_caller_id = r[6].as<bool>();
    n.ring_plan = r[7].c_str();
    if (n.route_type == "external") n.external = r[8].c_str(); // else what a program of before has left
    n.external_asked = r[9].as<bool>();
    n.recording = r[10].c_str();
    return n;
}

// Brings the number into its stored form, or says what is wrong with it.
std::optional<port::refusal> prepare(number& n) {
    constexpr std::array<std::string_view, 6> k_routes{"user",     "plan",      "agent",
                                                       "external", "voicemail", "reject"};
    const auto e164 = wire::to_e164(n.e164);
    if (!e164) return port::refusal{why::invalid, "e164", "is no phone number; write it like +15550100001"};
    n.e164 = *e164;
    n.alias = storable(n.alias);
    n.connection_id = storable(n.connection_id);
    if (n.connection_id.empty() || n.connection_id.starts_with("removed:"))
        return port::refusal{why::invalid, "connection_id", "give the id of the Telnyx connection"};
    if (std::find(k_routes.begin(), k_routes.end(), n.route_type) == k_routes.end())
        return port::refusal{
            why::invalid, "route_type", "give user, plan, agent, external, voicemail or reject"
        };
    if (n.status != "active" && n.status != "suspended")
        return port::refusal{why::invalid, "status", "give active or suspended"};
    if (n.route_type == "user" && n.receiver.none())
        return port::refusal{
            why::invalid, "receiver", "give the user whom calls ring, or another route_type"
        };
    if (n.recording && *n.recording != "organization" && !call::recording_named(*n.recording))
        return port::refusal{why::invalid, "recording", "give off, on, mandatory or organization"};
    n.ring_plan = storable(n.ring_plan);
    if ((n.route_type == "plan") == n.ring_plan.empty())
        return port::refusal{
            why::invalid, "ring_plan",
            n.ring_plan.empty() ? "give the plan by which its calls ring, or another route_type"
                                : "goes with route_type plan alone"
        };
    if ((n.route_type == "external") == n.external.empty())
        return port::refusal{
            why::invalid, "external",
            n.external.empty() ? "give the number outside that its calls ring, or another route_type"
                               : "goes with route_type external alone"
        };
    if (n.external.empty()) return std::nullopt;
    const auto outside = number_to_dial(n.external);
    if (!outside) return port::refusal{why::invalid, "external", k_not_dialed};
    n.external = *outside;
    return std::nullopt;
}

} // namespace

outcome_of<number> put(connection& db, const tenant_scope& who, number n) {
    if (!may_write(who, n.org)) return refused<number>(why::not_found, "org", "does not exist");
    if (auto p = prepare(n)) return refused<number>(p->reason, p->field, p->text);
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto receiver = key_or_null(n.receiver);
        const auto plan = n.ring_plan.empty() ? std::nullopt : std::optional(n.ring_plan);
        const auto external = n.external.empty() ? std::nullopt : std::optional(n.external);
        const auto known = exec_in(
            *tx, "number_known", k_known, n.org.value, or_null(receiver), or_null(plan), or_null(external)
        )[0];
        if (!known[0].as<bool>()) return refused<number>(why::not_found, "org", "does not exist");
        if (!known[1].as<bool>())
            return refused<number>(why::not_found, "receiver", "is no member of the organisation");
        if (!known[2].as<bool>())
            return refused<number>(why::not_found, "ring_plan", "is no plan of the organisation");
        if (known[3].as<bool>() || n.external == n.e164)
            return refused<number>(
                why::invalid, "external", "is a number of ours, whose calls would come back"
            );
        if (n.default_caller_id)
            exec_in(*tx, "number_only_default", k_only_default, n.org.value, n.connection_id, n.e164);
        const auto store = [&](const char* name, const char* sql) {
            return exec_in(
                *tx, name, sql, n.org.value, n.connection_id, n.e164, n.route_type, or_null(receiver),
                n.alias, n.status, n.default_caller_id, or_null(plan), or_null(external), n.external_asked
            );
        };
        outcome_of<number> out;
        auto r = store("number_insert", k_insert);
        out.created = !r.empty();
        if (out.created) {
            exec_in(*tx, "number_take_box", k_take_box, n.org.value, n.connection_id, n.e164);
            exec_in(*tx, "number_take_recording", k_take_recording, n.org.value, n.connection_id, n.e164);
        }
        if (r.empty()) r = store("number_update", k_update);
        if (r.empty())
            return refused<number>(
                why::conflict, "e164", "is in use elsewhere; it must be given back there first"
            );
        if (n.recording) exec_in(*tx, "number_recording", k_recording, n.org.value, n.e164, *n.recording);
        out.value = read(exec_in(*tx, "number_read", k_one, n.org.value, n.connection_id, n.e164)[0], n.org);
        tx.commit();
        return out;
    });
}

outcome_of<contact> put(connection& db, const tenant_scope& who, contact c) {
    if (!may_write(who, c.org)) return refused<contact>(why::not_found, "org", "does not exist");
    const auto e164 = wire::to_e164(c.e164);
    if (!e164)
        return refused<contact>(why::invalid, "e164", "is no phone number; write it like +15550100001");
    c.e164 = *e164;
    c.name = storable(c.name);
    c.avatar_url = storable(c.avatar_url);
    if (c.name.empty()) return refused<contact>(why::invalid, "name", "is empty; give a name");
    if (!c.avatar_url.empty() && !c.avatar_url.starts_with("https://"))
        return refused<contact>(why::invalid, "avatar_url", "give an https URL");
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto r = exec_in(*tx, "contact_put", k_put_contact, c.org.value, c.e164, c.name, c.avatar_url);
        outcome_of<contact> out;
        out.created = r[0][0].as<bool>();
        out.value = c;
        tx.commit();
        return out;
    });
}

std::vector<number>
numbers(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit) {
    tenant_transaction tx(db, who);
    std::vector<number> out;
    for (const auto& r : exec_in(*tx, "number_list", k_list, o.value, storable(after), limit))
        out.push_back(read(r, o));
    return out;
}

std::vector<contact>
contacts(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit) {
    tenant_transaction tx(db, who);
    std::vector<contact> out;
    for (const auto& r : exec_in(
             *tx, "contact_list",
             "select e164, name, avatar_url from contacts where org_id = $1 and e164 > $2 order by e164 "
             "limit $3",
             o.value, storable(after), limit
         )) {
        contact c;
        c.org = o;
        c.e164 = r[0].c_str();
        c.name = r[1].c_str();
        c.avatar_url = r[2].c_str();
        out.push_back(std::move(c));
    }
    return out;
}

bool remove_number(connection& db, const tenant_scope& who, org_id o, const std::string& e164) {
    const auto number = wire::to_e164(e164);
    if (!may_write(who, o) || !number) return false;
    tenant_transaction tx(db, who);
    exec_in(*tx, "number_forget_box", k_forget_box, o.value, *number);
    const auto gone = exec_in(*tx, "number_give_back", k_give_back, o.value, *number).affected_rows();
    tx.commit();
    return gone > 0;
}

bool remove_contact(connection& db, const tenant_scope& who, org_id o, const std::string& e164) {
    const auto number = wire::to_e164(e164);
    if (!may_write(who, o) || !number) return false;
    tenant_transaction tx(db, who);
    const auto gone =
        exec_in(
            *tx, "contact_remove", "delete from contacts where org_id = $1 and e164 = $2", o.value, *number
        )
            .affected_rows();
    tx.commit();
    return gone > 0;
}

} // namespace z360::adapter::postgres::tenant_rows
