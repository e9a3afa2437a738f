// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/entitlement.hpp"

#include "adapter/postgres/statement.hpp"

namespace z360::adapter::postgres {
namespace {

// In the order of ids, so that two of these never wait for each other.
constexpr const char* k_lock =
    "select user_id from users where user_id = any($1::bigint[]) order by user_id for update";

constexpr const char* k_of_org = "select user_id from memberships where org_id = $1 order by user_id";

// A statement of its own after the lock: it sees what the departure it waited for has changed.
constexpr const char* k_left = R"sql(
select u.user_id from users u
 where u.user_id = any($1::bigint[])
   and (u.status <> 'active'
        or not exists (select from memberships m join organizations o using (org_id)
                        where m.user_id = u.user_id and o.status = 'active'))
 order by u.user_id)sql";

// A removed device stays removed, also when its person is only suspended. What it has at the carrier is
// retired by the credential manager, which finds identities that are to be looked at by their retry_at.
#define Z360_STOP(whose)                                                                                     \
    "with tokens as (update api_tokens set revoked_at = z360_at($4), revoke_reason = $3 where " whose        \
    " and revoked_at is null), stopped as (update devices set status = $2, status_reason = $3, "             \
    "removed_at = case when $2 = 'removed' then z360_at($4) end, push_token = null, voip_token = null, "     \
    "push_token_hash = null, voip_token_hash = null, push_key_id = null, voip_key_id = null, "               \
    "push_state = 'none' where " whose " and status <> 'removed' and status <> $2 returning device_id), "    \
    "looked_at as (update sip_identities i set retry_at = z360_at($4) from stopped s "                       \
    "where i.device_id = s.device_id and i.state in ('active', 'rotating')) "                                \
    "select device_id from stopped order by device_id"
constexpr const char* k_stop_people = Z360_STOP("user_id = any($1::bigint[])");
constexpr const char* k_stop_device = Z360_STOP("device_id = $1::bigint");

constexpr const char* k_org_tokens = R"sql(
update api_tokens set revoked_at = z360_at($3), revoke_reason = $2
 where org_id = $1 and kind in ('service', 'admin') and revoked_at is null)sql";

std::string array(const std::vector<user_id>& people) {
    std::string out = "{";
    for (const auto& p : people)
        out += (out.size() > 1 ? "," : "") + std::to_string(p.value);
    return out + "}";
}

std::vector<user_id> people_in(const pqxx::result& rows) {
    std::vector<user_id> out;
    for (const auto& r : rows)
        out.push_back({r[0].as<std::int64_t>()});
    return out;
}

std::vector<device_id> stop(
    pqxx::work& tx, const std::vector<user_id>& people, leaving how, std::string_view reason, time_point now
) {
    std::vector<device_id> out;
    if (people.empty()) return out;
    const std::string status = how == leaving::removed ? "removed" : "suspended";
    for (const auto& r :
         ask(tx, "entitlement_stop", k_stop_people, array(people), status, std::string(reason), ms(now)))
        out.push_back({r[0].as<std::int64_t>()});
    return out;
}

} // namespace

std::vector<device_id> part_with(
    pqxx::work& tx, const std::vector<user_id>& people, leaving how, std::string_view reason, time_point now
) {
    become_owner(tx);
    if (people.empty()) return {};
    ask(tx, "entitlement_lock", k_lock, array(people));
    return stop(tx, people_in(ask(tx, "entitlement_left", k_left, array(people))), how, reason, now);
}

std::vector<device_id>
part_with_members(pqxx::work& tx, org_id org, leaving how, std::string_view reason, time_point now) {
    become_owner(tx);
    ask(tx, "entitlement_org_tokens", k_org_tokens, org.value, std::string(reason), ms(now));
    return part_with(tx, people_in(ask(tx, "entitlement_of_org", k_of_org, org.value)), how, reason, now);
}

std::vector<device_id>
part_with_everything_of(pqxx::work& tx, user_id who, leaving how, std::string_view reason, time_point now) {
    become_owner(tx);
    ask(tx, "entitlement_lock", k_lock, array({who}));
    return stop(tx, {who}, how, reason, now);
}

bool remove_device(pqxx::work& tx, device_id which, std::string_view reason, time_point now) {
    return !ask(tx, "entitlement_device", k_stop_device, which.value, "removed", std::string(reason), ms(now))
                .empty();
}

} // namespace z360::adapter::postgres
