// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/tenants/entitlement.hpp"

#include "adapter/postgres/identities/push_tokens.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

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

// Devices bound to an organisation that their person has left, or that is suspended, whatever others there
// are.
constexpr const char* k_out_of_bounds = R"sql(
select d.device_id from devices d
 where d.user_id = any($1::bigint[]) and d.status <> 'removed' and d.bound_org_id is not null
   and not exists (select from memberships m join organizations o using (org_id)
                    where m.user_id = d.user_id and m.org_id = d.bound_org_id and o.status = 'active')
 order by d.device_id for update of d)sql";
constexpr const char* k_codes_out_of_bounds = R"sql(
update api_tokens t set revoked_at = z360_at($3), revoke_reason = $2
 where t.user_id = any($1::bigint[]) and t.bound_org_id is not null and t.revoked_at is null
   and not exists (select from memberships m join organizations o using (org_id)
                    where m.user_id = t.user_id and m.org_id = t.bound_org_id and o.status = 'active'))sql";

// In the order of ids, as everywhere.
constexpr const char* k_devices =
    "select device_id from devices where user_id = any($1::bigint[]) and status <> 'removed' "
    "order by device_id for update";

// Codes too, which belong to no device.
constexpr const char* k_tokens = R"sql(
update api_tokens set revoked_at = z360_at($3), revoke_reason = $2
 where user_id = any($1::bigint[]) and revoked_at is null)sql";

constexpr const char* k_org_tokens = R"sql(
update api_tokens set revoked_at = z360_at($3), revoke_reason = $2
 where org_id = $1 and kind in ('service', 'admin') and revoked_at is null)sql";

template <class Key>
std::vector<Key> keys_in(const pqxx::result& rows) {
    std::vector<Key> out;
    for (const auto& r : rows)
        out.push_back({r[0].as<std::int64_t>()});
    return out;
}

// A registration of theirs that is under way is waited for: then its device is seen here, or it sees that its
// person has left. Postgres has room for a few thousand advisory locks in all, so not for a whole large
// organisation: a device that slips through there is entitled to nothing all the same.
constexpr std::size_t k_most_turns = 200;

void lock_all(pqxx::work& tx, const std::vector<user_id>& people) {
    leave_scope(tx);
    if (people.size() <= k_most_turns) lock_people(tx, people);
    exec_in(tx, "entitlement_lock", k_lock, key_array(people));
}

std::vector<device_id> stop(
    pqxx::work& tx, const std::vector<user_id>& people, out_of_use how, const std::string& reason,
    time_point now
) {
    if (people.empty()) return {};
    const auto devices = keys_in<device_id>(exec_in(tx, "entitlement_devices", k_devices, key_array(people)));
    auto gone = take_out_of_use(tx, devices, how, reason, now);
    exec_in(tx, "entitlement_tokens", k_tokens, key_array(people), reason, in_ms(now));
    return gone;
}

} // namespace

time_point time_of(pqxx::work& tx) {
    return time_at(exec_in(tx, "time_of", "select z360_ms(now())")[0][0]);
}

std::vector<device_id> part_with(
    pqxx::work& tx, const std::vector<user_id>& people, out_of_use how, const std::string& reason,
    time_point now
) {
    lock_all(tx, people);
    const auto left = exec_in(tx, "entitlement_left", k_left, key_array(people));
    auto gone = stop(tx, keys_in<user_id>(left), how, reason, now);
    const auto bound =
        keys_in<device_id>(exec_in(tx, "entitlement_out_of_bounds", k_out_of_bounds, key_array(people)));
    const auto more = take_out_of_use(tx, bound, how, reason, now);
    gone.insert(gone.end(), more.begin(), more.end());
    exec_in(
        tx, "entitlement_codes_out_of_bounds", k_codes_out_of_bounds, key_array(people), reason, in_ms(now)
    );
    return gone;
}

std::vector<device_id>
part_with_members(pqxx::work& tx, org_id org, out_of_use how, const std::string& reason, time_point now) {
    leave_scope(tx);
    exec_in(tx, "entitlement_org_tokens", k_org_tokens, org.value, reason, in_ms(now));
    const auto members = exec_in(tx, "entitlement_of_org", k_of_org, org.value);
    return part_with(tx, keys_in<user_id>(members), how, reason, now);
}

std::vector<device_id>
part_with_everything_of(pqxx::work& tx, user_id who, const std::string& reason, time_point now) {
    lock_all(tx, {who});
    return stop(tx, {who}, out_of_use::removed, reason, now);
}

} // namespace z360::adapter::postgres
