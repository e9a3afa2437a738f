// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/audit.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/refusals.hpp"
#include "adapter/postgres/tenant_transaction.hpp"
#include "adapter/postgres/tenants/entitlement.hpp"
#include "adapter/postgres/tenants/logins.hpp"
#include "adapter/postgres/tenants/tenant_rows.hpp"
#include "wire/e164.hpp"

#include <nlohmann/json.hpp>

namespace z360::adapter::postgres::tenant_rows {
namespace {

using port::membership;
using port::person;
using gone_devices = std::optional<std::vector<device_id>>;
using why = port::refusal::why;

constexpr const char* k_put_by_id = R"sql(
insert into users (user_id, login, name, status) values ($1, $2, $3, $4)
on conflict (user_id) do update
   set login = excluded.login, name = excluded.name, status = excluded.status, updated_at = now()
returning user_id, xmax = 0)sql";

constexpr const char* k_put_by_login = R"sql(
insert into users (login, name, status) values ($1, $2, $3)
on conflict (login) do update set name = excluded.name, status = excluded.status, updated_at = now()
returning user_id, xmax = 0)sql";

constexpr const char* k_advance = R"sql(
select setval('users_user_id_seq', $1::bigint) from users_user_id_seq where last_value < $1::bigint)sql";

#define Z360_PERSON                                                                                          \
    "select u.user_id, u.login, u.name, u.status, coalesce((select json_agg(json_build_array(m.org_id, "     \
    "m.role) order by m.org_id) from memberships m where m.user_id = u.user_id), '[]')::text from users u "
constexpr const char* k_of = Z360_PERSON "where u.user_id = $1";
constexpr const char* k_list = Z360_PERSON "where u.user_id > $1 order by u.user_id limit $2";

// Both must be there for the scope: an organisation cannot make a stranger its member by guessing an id, for
// members' devices are its to see. People of everybody are added by who may see everybody.
constexpr const char* k_known = R"sql(
select (select login from users where user_id = $2), (select name from users where user_id = $2),
       exists (select from organizations where org_id = $1))sql";

constexpr const char* k_put_member = R"sql(
insert into memberships as m (org_id, user_id, role, mobile, ring_plan, second_call)
values ($1, $2, coalesce(nullif($3, ''), 'member'), nullif($4::text, ''), nullif($5::text, ''), nullif($6::text, ''))
on conflict (org_id, user_id) do update
   set role = coalesce(nullif($3, ''), m.role),
       mobile = case when $4::text is null then m.mobile else excluded.mobile end,
       ring_plan = case when $5::text is null then m.ring_plan else excluded.ring_plan end,
       second_call = case when $6::text is null then m.second_call else excluded.second_call end
returning xmax = 0, mobile, role, ring_plan, second_call)sql";

// Its calls would come back to us.
constexpr const char* k_is_ours = "select where z360_is_ours($1)";

constexpr const char* k_members = R"sql(
select m.user_id, m.role, u.login, u.name, m.mobile, m.ring_plan, m.second_call from memberships m join users u using (user_id)
 where m.org_id = $1 and m.user_id > $2 order by m.user_id limit $3)sql";

// Their numbers go to voicemail: a route must ring a member.
constexpr const char* k_reroute = R"sql(
update phone_numbers
   set route_type = case route_type when 'user' then 'voicemail' else route_type end, receiving_user_id = null
 where org_id = $1 and receiving_user_id = $2)sql";

// What the person had in that organisation only.
constexpr const char* k_forget_in_org = R"sql(
with registrations as (
    delete from device_registrations r using devices d
     where r.org_id = $1 and d.device_id = r.device_id and d.user_id = $2
)
update api_tokens set revoked_at = z360_at($3), revoke_reason = 'membership_removed'
 where org_id = $1 and user_id = $2 and kind in ('enrolment', 'handoff') and revoked_at is null)sql";

// Whoever joins again begins anew.
constexpr const char* k_forget_exclusions = R"sql(
delete from device_exclusions x using devices d
 where x.org_id = $1 and d.device_id = x.device_id and d.user_id = $2)sql";

std::optional<std::string> text_of(const pqxx::field& f) {
    return f.is_null() ? std::nullopt : std::optional<std::string>(f.c_str());
}

person read(const pqxx::row& r) {
    person p;
    p.id = {r[0].as<std::int64_t>()};
    p.login = r[1].c_str();
    p.name = r[2].c_str();
    p.status = r[3].c_str();
    for (const auto& m : nlohmann::json::parse(r[4].c_str()))
        p.memberships.emplace_back(org_id{m.at(0).get<std::int64_t>()}, m.at(1).get<std::string>());
    return p;
}

} // namespace

outcome_of<person> put(connection& db, const tenant_scope& who, person p) {
    // A person may belong to several organisations: none of them may rename or suspend them for the others.
    if (!who.everything) return refused<person>(why::not_found, "user", "does not exist");
    p.login = storable(p.login);
    p.name = storable(p.name);
    if (p.login.empty()) return refused<person>(why::invalid, "login", "is empty; give an e-mail address");
    if (p.name.empty()) return refused<person>(why::invalid, "name", "is empty; give a name");
    if (p.status != "active" && p.status != "suspended")
        return refused<person>(why::invalid, "status", "give active or suspended");
    const auto write = [&](pqxx::work& tx) {
        if (const auto other = other_case(tx, p.login, p.id))
            return refused<person>(
                why::conflict, "login",
                "is user " + std::to_string(other->user.value) + "'s already, spelled \"" + other->login +
                    "\"; give that spelling, or change it there first"
            );
        if (!p.id.none()) exec_in(tx, "person_advance", k_advance, p.id.value);
        const auto r =
            p.id.none() ? exec_in(tx, "person_put_by_login", k_put_by_login, p.login, p.name, p.status)
                        : exec_in(tx, "person_put_by_id", k_put_by_id, p.id.value, p.login, p.name, p.status);
        const user_id id{r[0][0].as<std::int64_t>()};
        outcome_of<person> out;
        if (p.status == "suspended") {
            const auto now = time_of(tx);
            out.stopped = part_with(tx, {id}, out_of_use::suspended, "user_suspended", now);
        }
        out.value = read(exec_in(tx, "person_of", k_of, id.value)[0]);
        out.created = r[0][1].as<bool>();
        return out;
    };
    return guarded([&] { return in_scope(db, who, write); });
}

outcome_of<membership> put(connection& db, const tenant_scope& who, membership m) {
    if (!may_write(who, m.org)) return refused<membership>(why::not_found, "org", "does not exist");
    if (!m.role.empty() && m.role != "owner" && m.role != "admin" && m.role != "member")
        return refused<membership>(why::invalid, "role", "give owner, admin or member");
    if (m.second_call && !m.second_call->empty() && !call::second_call_named(*m.second_call))
        return refused<membership>(why::invalid, "second_call", "give ring, others or none");
    if (m.mobile && !m.mobile->empty()) {
        const auto e164 = wire::to_e164(*m.mobile);
        if (!e164)
            return refused<membership>(
                why::invalid, "mobile_number",
                "is no phone number; write it internationally, e.g. +13125550100"
            );
        if (wire::has_extension(*m.mobile))
            return refused<membership>(
                why::invalid, "mobile_number", "has an extension, which cannot be dialed; leave it out"
            );
        m.mobile = *e164;
    }
    return guarded([&] {
        tenant_transaction tx(db, who);
        const auto known = exec_in(*tx, "member_known", k_known, m.org.value, m.user.value)[0];
        if (!known[2].as<bool>()) return refused<membership>(why::not_found, "org", "does not exist");
        if (known[0].is_null()) return refused<membership>(why::not_found, "user", "does not exist");
        if (m.mobile && !exec_in(*tx, "number_is_ours", k_is_ours, *m.mobile).empty())
            return refused<membership>(
                why::invalid, "mobile_number",
                "is a number of ours, whose calls would come back; give the person's own"
            );
        if (m.ring_plan) *m.ring_plan = storable(*m.ring_plan);
        const auto r = exec_in(
            *tx, "member_put", k_put_member, m.org.value, m.user.value, m.role, or_null(m.mobile),
            or_null(m.ring_plan), or_null(m.second_call)
        );
        outcome_of<membership> out;
        m.login = known[0].c_str();
        m.name = known[1].c_str();
        m.mobile = text_of(r[0][1]);
        m.ring_plan = text_of(r[0][3]);
        m.second_call = text_of(r[0][4]);
        m.role = r[0][2].c_str();
        out.value = m;
        out.created = r[0][0].as<bool>();
        tx.commit();
        return out;
    });
}

std::optional<person> person_of(connection& db, const tenant_scope& who, user_id u) {
    tenant_transaction tx(db, who);
    const auto r = exec_in(*tx, "person_of", k_of, u.value);
    if (r.empty()) return std::nullopt;
    return read(r[0]);
}

std::vector<person> people(connection& db, const tenant_scope& who, user_id after, std::size_t limit) {
    tenant_transaction tx(db, who);
    std::vector<person> out;
    for (const auto& r : exec_in(*tx, "person_list", k_list, after.value, limit))
        out.push_back(read(r));
    return out;
}

std::vector<membership>
members(connection& db, const tenant_scope& who, org_id o, user_id after, std::size_t limit) {
    tenant_transaction tx(db, who);
    std::vector<membership> out;
    for (const auto& r : exec_in(*tx, "member_list", k_members, o.value, after.value, limit)) {
        membership m;
        m.org = o;
        m.user = {r[0].as<std::int64_t>()};
        m.role = r[1].c_str();
        m.login = r[2].c_str();
        m.name = r[3].c_str();
        m.mobile = text_of(r[4]);
        m.ring_plan = text_of(r[5]);
        m.second_call = text_of(r[6]);
        out.push_back(std::move(m));
    }
    return out;
}

gone_devices remove_person(
    connection& db, const tenant_scope& who, user_id u, time_point now, const port::audit_line* told
) {
    if (!who.everything) return std::nullopt;
    return in_scope(db, who, [&](pqxx::work& tx) -> gone_devices {
        const auto r = exec_in(
            tx, "person_remove",
            "update users set status = 'suspended', updated_at = now() where user_id = $1", u.value
        );
        if (r.affected_rows() == 0) return std::nullopt;
        auto gone = part_with(tx, {u}, out_of_use::removed, "user_removed", now);
        exec_in(
            tx, "person_unlink",
            "update apple_links set revoked_at = z360_at($2) where user_id = $1 and revoked_at is null",
            u.value, in_ms(now)
        );
        if (told != nullptr) append_audit(tx, *told);
        return gone;
    });
}

gone_devices remove_membership(
    connection& db, const tenant_scope& who, org_id o, user_id u, time_point now, const port::audit_line* told
) {
    if (!may_write(who, o)) return std::nullopt;
    return in_scope(db, who, [&](pqxx::work& tx) -> gone_devices {
        // First what the membership makes visible, then the membership.
        const auto there = exec_in(
            tx, "member_there", "select from memberships where org_id = $1 and user_id = $2 for update",
            o.value, u.value
        );
        if (there.empty()) return std::nullopt;
        exec_in(tx, "member_reroute", k_reroute, o.value, u.value);
        exec_in(tx, "member_forget", k_forget_in_org, o.value, u.value, in_ms(now));
        exec_in(
            tx, "member_remove", "delete from memberships where org_id = $1 and user_id = $2", o.value,
            u.value
        );
        auto gone = part_with(tx, {u}, out_of_use::removed, "membership_removed", now);
        exec_in(
            tx, "member_exclusions", k_forget_exclusions, o.value, u.value
        ); // part_with has left the scope
        if (told != nullptr) append_audit(tx, *told);
        return gone;
    });
}

} // namespace z360::adapter::postgres::tenant_rows
