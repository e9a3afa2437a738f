// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/device_removal.hpp"

#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_seen = R"sql(
select bound_org_id is not null from devices where device_id = $1 and status <> 'removed' for update)sql";

// With the owner's rights. Suspended organisations count: they may be back tomorrow.
constexpr const char* k_serves_others = R"sql(
select exists (select from devices d join memberships m on m.user_id = d.user_id
                where d.device_id = $1 and m.org_id <> $2
                  and not exists (select from device_exclusions x
                                   where x.device_id = d.device_id and x.org_id = m.org_id)))sql";
constexpr const char* k_exclude = R"sql(
with registration as (delete from device_registrations where device_id = $1 and org_id = $2)
insert into device_exclusions (device_id, org_id, created_at) values ($1, $2, z360_at($3))
on conflict do nothing)sql";

// What rings at this moment stops, as with a device that is removed.
constexpr const char* k_withdraw = R"sql(
select z360_withdraw_rings(array(select l.call_id from call_legs l join calls c on c.call_id = l.call_id
                                  where l.device_id = $1 and not l.ended and c.org_id = $2 and c.phase <> 'ended'),
                           $1::bigint))sql";

constexpr const char* k_take_back =
    "delete from device_exclusions where device_id = $1 and ($3::boolean or org_id = $2)";

} // namespace

bool take_away(pqxx::work& tx, const port::tenant_scope& who, const port::removal& what) {
    const bool of_org = !who.everything && who.user.none();
    if (of_org) {
        const auto seen = exec_in(tx, "device_seen_by_org", k_seen, what.device.value);
        if (seen.empty()) return false;
        const bool bound = seen[0][0].as<bool>(); // to this organisation, or it would not be seen
        leave_scope(tx);
        const bool others =
            !bound &&
            exec_in(tx, "device_serves_others", k_serves_others, what.device.value, who.org.value)[0][0]
                .as<bool>();
        if (others) {
            exec_in(tx, "device_exclude", k_exclude, what.device.value, who.org.value, in_ms(what.now));
            exec_in(tx, "device_excluded_rings", k_withdraw, what.device.value, who.org.value);
            return true;
        }
    }
    return !take_out_of_use(tx, {what.device}, out_of_use::removed, storable(what.reason), what.now).empty();
}

void take_back(pqxx::transaction_base& tx, device_id device, org_id org, bool anew) {
    exec_in(tx, "device_take_back", k_take_back, device.value, org.value, anew);
}

} // namespace z360::adapter::postgres
