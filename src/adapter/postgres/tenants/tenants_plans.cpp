// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Ring plans of an organisation: whom its numbers, and its people's, ring when.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"
#include "wire/plan_member.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

namespace z360::adapter::postgres::tenant_rows {
namespace {

using json = nlohmann::json;
using port::ring_plan;
using why = port::refusal::why;

constexpr std::size_t k_longest_key = 64;
constexpr std::size_t k_longest_name = 200;

constexpr const char* k_put = R"sql(
insert into ring_plans (org_id, plan, name, strategy, step_secs, ring_secs, mailbox_user_id)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (org_id, plan) do update
   set name = excluded.name, strategy = excluded.strategy, step_secs = excluded.step_secs,
       ring_secs = excluded.ring_secs, mailbox_user_id = excluded.mailbox_user_id, updated_at = now()
returning xmax = 0)sql";

constexpr const char* k_clear = "delete from ring_plan_members where org_id = $1 and plan = $2";
constexpr const char* k_members = R"sql(
insert into ring_plan_members (org_id, plan, place, user_id, e164, asked, wave, delay_secs, turn_secs)
select $1, $2, x.place, x.user, x.number, x.asked, x.wave, x.delay, x.turn
  from jsonb_to_recordset($3::jsonb) as x(place int, "user" bigint, number text, asked boolean, wave int, delay int, turn int))sql";

// Members, and numbers that would come back to us.
constexpr const char* k_known = R"sql(
select exists (select from organizations where org_id = $1),
       array(select w from unnest($2::bigint[]) as w
              where not exists (select from memberships m where m.org_id = $1 and m.user_id = w))::text,
       (select n from jsonb_array_elements_text($3::jsonb) as n where z360_is_ours(n) limit 1))sql";

constexpr const char* k_list = R"sql(
select p.plan, p.name, p.strategy, p.step_secs, p.ring_secs, coalesce(p.mailbox_user_id, 0),
       coalesce((select json_agg(json_build_object('user', m.user_id, 'number', m.e164, 'asked', m.asked, 'wave', m.wave,
                                 'delay', m.delay_secs, 'turn', m.turn_secs) order by m.place)
                   from ring_plan_members m where m.org_id = p.org_id and m.plan = p.plan), '[]')::text
  from ring_plans p where p.org_id = $1 and )sql";

constexpr const char* k_used = R"sql(
select exists (select from phone_numbers where org_id = $1 and ring_plan = $2 and route_type = 'plan')
    or exists (select from memberships where org_id = $1 and ring_plan = $2))sql";

int seconds(millis t) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(t).count());
}

bool is_key(const std::string& key) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !key.empty() && key.size() <= k_longest_key && plain(key[0]) &&
           std::all_of(key.begin(), key.end(), [&](char c) { return plain(c) || c == '-' || c == '_'; });
}

// Brings its numbers into their stored form, or says what is wrong with it.
std::optional<port::refusal> prepare(ring_plan& p) {
    if (!is_key(p.key))
        return port::refusal{
            why::invalid, "ring_plan", "give 1 to 64 lower case letters, digits, - and _, the first no sign"
        };
    p.name = storable(p.name);
    if (p.name.size() > k_longest_name) return port::refusal{why::invalid, "name", "give at most 200 bytes"};
    for (std::size_t i = 0; i < p.rules.members.size(); ++i) {
        auto& number = p.rules.members[i].who.number;
        if (number.empty()) continue;
        const auto e164 = number_to_dial(number);
        if (!e164)
            return port::refusal{why::invalid, "members[" + std::to_string(i) + "].number", k_not_dialed};
        number = *e164;
    }
    if (const auto f = call::fault_of(p.rules)) return port::refusal{why::invalid, f->field, f->text};
    return std::nullopt;
}

json rows_of(const ring_plan& p) {
    json out = json::array();
    for (const auto& m : p.rules.members)
        out.push_back({
            {"place", out.size()},
            {"user", m.who.user.none() ? json() : json(m.who.user.value)},
            {"number", m.who.number.empty() ? json() : json(m.who.number)},
            {"asked", m.who.asked},
            {"wave", m.wave},
            {"delay", seconds(m.who.after)},
            {"turn", m.who.lasts == millis{0} ? json() : json(seconds(m.who.lasts))},
        });
    return out;
}

// nullopt: everybody whom it names is there.
std::optional<port::refusal> stranger(pqxx::work& tx, const ring_plan& p) {
    std::vector<user_id> people;
    json numbers = json::array();
    for (const auto& m : p.rules.members) {
        if (!m.who.user.none()) people.push_back(m.who.user);
        if (!m.who.number.empty()) numbers.push_back(m.who.number);
    }
    if (!p.mailbox.none()) people.push_back(p.mailbox);
    const auto r = exec_in(tx, "plan_known", k_known, p.org.value, key_array(people), numbers.dump())[0];
    if (!r[0].as<bool>()) return port::refusal{why::not_found, "org", "does not exist"};
    if (const std::string_view absent = r[1].c_str(); absent != "{}")
        return port::refusal{
            why::not_found, "members",
            "names " + std::string(absent.substr(1, absent.size() - 2)) +
                ", who is no member of the organisation"
        };
    if (!r[2].is_null())
        return port::refusal{
            why::invalid, "members",
            std::string("names ") + r[2].c_str() + ", a number of ours, whose calls would come back"
        };
    return std::nullopt;
}

ring_plan read(const pqxx::row& r, org_id org) {
    ring_plan p;
    p.org = org;
    p.key = r[0].c_str();
    p.name = r[1].c_str();
    p.rules.how = call::strategy_named(r[2].c_str()).value_or(call::strategy::all);
    p.rules.step = std::chrono::seconds{r[3].as<int>()};
    p.rules.last = std::chrono::seconds{r[4].as<int>()};
    p.mailbox = {r[5].as<std::int64_t>()};
    for (const auto& m : json::parse(r[6].c_str()))
        p.rules.members.push_back(wire::read_plan_member(m));
    return p;
}

} // namespace

outcome_of<ring_plan> put(connection& db, const tenant_scope& who, ring_plan p) {
    if (!may_write(who, p.org)) return refused<ring_plan>(why::not_found, "org", "does not exist");
    if (auto x = prepare(p)) return refused<ring_plan>(x->reason, x->field, x->text);
    const auto write = [&](pqxx::work& tx) {
        if (auto x = stranger(tx, p)) return refused<ring_plan>(x->reason, x->field, x->text);
        outcome_of<ring_plan> out;
        const auto mailbox = key_or_null(p.mailbox);
        out.created = exec_in(
                          tx, "plan_put", k_put, p.org.value, p.key, p.name, std::string(name(p.rules.how)),
                          seconds(p.rules.step), seconds(p.rules.last), or_null(mailbox)
        )[0][0]
                          .as<bool>();
        exec_in(tx, "plan_clear", k_clear, p.org.value, p.key);
        exec_in(tx, "plan_members", k_members, p.org.value, p.key, rows_of(p).dump());
        out.value = p;
        return out;
    };
    return guarded([&] { return in_scope(db, who, write); });
}

std::optional<ring_plan> plan_of(connection& db, const tenant_scope& who, org_id o, const std::string& key) {
    tenant_transaction tx(db, who);
    static const std::string k_one = std::string(k_list) + "p.plan = $2";
    const auto r = exec_in(*tx, "plan_of", k_one.c_str(), o.value, storable(key));
    if (r.empty()) return std::nullopt;
    return read(r[0], o);
}

std::vector<ring_plan>
plans(connection& db, const tenant_scope& who, org_id o, const std::string& after, std::size_t limit) {
    tenant_transaction tx(db, who);
    static const std::string k_page = std::string(k_list) + "p.plan > $2 order by p.plan limit $3";
    std::vector<ring_plan> out;
    for (const auto& r : exec_in(*tx, "plan_list", k_page.c_str(), o.value, storable(after), limit))
        out.push_back(read(r, o));
    return out;
}

outcome_of<bool> remove_plan(connection& db, const tenant_scope& who, org_id o, const std::string& key) {
    outcome_of<bool> out;
    if (!may_write(who, o)) return out;
    return guarded([&] {
        return in_scope(db, who, [&](pqxx::work& tx) {
            if (exec_in(tx, "plan_used", k_used, o.value, storable(key))[0][0].as<bool>())
                return refused<bool>(
                    why::conflict, "ring_plan",
                    "numbers or members are routed by it; route them otherwise first"
                );
            // of numbers that are routed otherwise by now
            exec_in(
                tx, "plan_forget",
                "update phone_numbers set ring_plan = null where org_id = $1 and ring_plan = $2", o.value,
                storable(key)
            );
            const auto gone = exec_in(
                                  tx, "plan_remove", "delete from ring_plans where org_id = $1 and plan = $2",
                                  o.value, storable(key)
            )
                                  .affected_rows();
            outcome_of<bool> done;
            if (gone > 0) done.value = true;
            return done;
        });
    });
}

} // namespace z360::adapter::postgres::tenant_rows
