// SPDX-License-Identifier: LicenseRef-z360-proprietary
// By which rules an organisation's people call out, and as which of its numbers.
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::outbound_rules;
using why = port::refusal::why;
using beginnings = std::vector<std::string>;

// $3 whether there is a list of what is allowed, $4 that list.
constexpr const char* k_put = R"sql(
insert into outbound_rules (org_id, enabled, allowed, forbidden, premium, ring_seconds, at_once, per_minute)
values ($1, $2, case when $3::boolean then $4::text[] end, $5::text[], $6, $7::int, $8::int, $9::int)
on conflict (org_id) do update
   set enabled = excluded.enabled, allowed = excluded.allowed, forbidden = excluded.forbidden,
       premium = excluded.premium, ring_seconds = excluded.ring_seconds, at_once = excluded.at_once,
       per_minute = excluded.per_minute, updated_at = now()
returning xmax = 0)sql";

constexpr const char* k_of = R"sql(
select enabled, to_json(allowed)::text, to_json(forbidden)::text, premium, ring_seconds, at_once, per_minute
  from outbound_rules where org_id = $1)sql";

// $1 person, $2 device or 0, $3 organisation or 0. A number may be on two connections; what was given back is
// none.
constexpr const char* k_caller_ids = R"sql(
select n.phone_number_id, m.org_id, n.e164, n.alias, n.is_default_caller_id, n.mine
  from memberships m
  join organizations o on o.org_id = m.org_id and o.status = 'active'
 cross join lateral (
     select * from (
         select distinct on (p.e164) p.phone_number_id, p.e164, p.alias, p.is_default_caller_id,
                p.receiving_user_id is not distinct from m.user_id as mine
           from phone_numbers p
          where p.org_id = m.org_id and p.status = 'active'
            and not starts_with(p.connection_id, )sql" Z360_GIVEN_BACK R"sql()
          order by p.e164, p.is_default_caller_id desc, p.phone_number_id) unique_ones
      order by unique_ones.is_default_caller_id desc, unique_ones.phone_number_id limit 200) n
 where m.user_id = $1::bigint and ($3::bigint = 0 or m.org_id = $3::bigint)
   and ($2::bigint = 0 or not z360_excluded($2::bigint, m.org_id))
 order by m.org_id, n.is_default_caller_id desc, n.phone_number_id limit 2000)sql";

std::optional<port::refusal> problem_of(const char* field, const beginnings& list) {
    if (list.size() > outbound_rules::k_most)
        return port::refusal{why::invalid, field, "has more than 300 beginnings of numbers"};
    if (std::all_of(list.begin(), list.end(), wire::is_beginning)) return std::nullopt;
    return port::refusal{
        why::invalid, field, "has what begins no number; write + and 1 to 15 digits, like +49"
    };
}

std::optional<port::refusal> problem(const outbound_rules& r) {
    if (r.allowed && r.allowed->empty())
        return port::refusal{
            why::invalid, "allowed", "allows nothing; name what may be called, or leave it out for any number"
        };
    if (r.allowed)
        if (auto p = problem_of("allowed", *r.allowed)) return p;
    if (auto p = problem_of("forbidden", r.forbidden)) return p;
    struct range {
        const char* field;
        std::optional<int> value;
        int low, high;
    };
    for (const auto& [field, value, low, high] :
         {range{"ring_seconds", r.ring_seconds, 5, 600}, range{"at_once", r.at_once, 1, 10'000},
          range{"per_minute", r.per_minute, 1, 600}})
        if (value && (*value < low || *value > high))
            return port::refusal{
                why::invalid, field, "give " + std::to_string(low) + " to " + std::to_string(high)
            };
    return std::nullopt;
}

std::optional<std::string> text(std::optional<int> n) {
    return n ? std::optional(std::to_string(*n)) : std::nullopt;
}
std::optional<int> number(const pqxx::field& f) {
    return f.is_null() ? std::nullopt : std::optional(f.as<int>());
}
beginnings list_in(const pqxx::field& f) {
    return nlohmann::json::parse(f.c_str()).get<beginnings>();
}

} // namespace

outcome_of<outbound_rules> put(connection& db, const tenant_scope& who, outbound_rules r) {
    if (!may_write(who, r.org)) return refused<outbound_rules>(why::not_found, "org", "does not exist");
    if (auto p = problem(r)) return refused<outbound_rules>(p->reason, p->field, p->text);
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto ring = text(r.ring_seconds);
        const auto at_once = text(r.at_once);
        const auto per_minute = text(r.per_minute);
        const auto stored = exec_in(
            *tx, "outbound_put", k_put, r.org.value, r.enabled, r.allowed.has_value(),
            text_array(r.allowed.value_or(beginnings{})), text_array(r.forbidden), r.premium, or_null(ring),
            or_null(at_once), or_null(per_minute)
        );
        outcome_of<outbound_rules> out;
        out.created = stored[0][0].as<bool>();
        out.value = r;
        tx.commit();
        return out;
    });
}

std::optional<outbound_rules> outbound_of(connection& db, const tenant_scope& who, org_id o) {
    tenant_transaction tx(db, who);
    const auto r = exec_in(*tx, "outbound_of", k_of, o.value);
    if (r.empty()) return std::nullopt;
    outbound_rules out;
    out.org = o;
    out.enabled = r[0][0].as<bool>();
    if (!r[0][1].is_null()) out.allowed = list_in(r[0][1]);
    out.forbidden = list_in(r[0][2]);
    out.premium = r[0][3].as<bool>();
    out.ring_seconds = number(r[0][4]);
    out.at_once = number(r[0][5]);
    out.per_minute = number(r[0][6]);
    return out;
}

bool remove_outbound(connection& db, const tenant_scope& who, org_id o) {
    if (!may_write(who, o)) return false;
    tenant_transaction tx(db, who);
    const auto gone = exec_in(*tx, "outbound_remove", "delete from outbound_rules where org_id = $1", o.value)
                          .affected_rows();
    tx.commit();
    return gone > 0;
}

std::vector<port::caller_id>
caller_ids(connection& db, const tenant_scope& who, user_id person, device_id device, org_id only) {
    tenant_transaction tx(db, who);
    std::vector<port::caller_id> out;
    for (const auto& r : exec_in(*tx, "caller_ids", k_caller_ids, person.value, device.value, only.value)) {
        port::caller_id c;
        c.id = {r[0].as<std::int64_t>()};
        c.org = {r[1].as<std::int64_t>()};
        c.e164 = r[2].c_str();
        c.alias = r[3].c_str();
        c.usual = r[4].as<bool>();
        c.mine = r[5].as<bool>();
        out.push_back(std::move(c));
    }
    return out;
}

} // namespace z360::adapter::postgres::tenant_rows
