// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A new push token of a device that is registered. Whoever held it gives way, as in a registration.
#include "adapter/postgres/identities/push_update.hpp"

#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/identities/related_devices.hpp"
#include "adapter/postgres/params.hpp"
#include "adapter/postgres/tenant_transaction.hpp"

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_find = R"sql(
select device_id, user_id from devices
 where device_uid = $1 and status <> 'removed' and ($2::bigint = 0 or user_id = $2)
 order by last_seen_at desc limit 1)sql";

} // namespace

std::optional<port::push_update> update_push(
    pqxx::transaction_base& tx, const crypto::vault& keys, const port::tenant_scope& who,
    const std::string& uid, const std::vector<port::push_token>& tokens, time_point now
) {
    enter_scope(tx, who);
    const auto found = exec_in(tx, "device_find", k_find, uid, who.user.value);
    if (found.empty()) return std::nullopt;
    const device_id id{found[0][0].as<std::int64_t>()};
    const user_id person{found[0][1].as<std::int64_t>()};
    leave_scope(tx); // the token may be at somebody else's device
    auto push = hashed(keys, tokens, now);
    lock_person_and_tokens(tx, person, push);
    const auto related = lock_related(tx, person, {uid}, {}, all_hashes(push));
    const auto own = std::find_if(related.begin(), related.end(), [id](const auto& d) { return d.id == id; });
    if (own == related.end() || own->status == "removed") return std::nullopt;
    push = newer(std::move(push), own->push);
    std::vector<device_id> holders;
    for (const auto& d : related)
        if (d.id != id && d.status != "removed" && d.holds_one_of(all_hashes(push))) holders.push_back(d.id);
    port::push_update out;
    out.replaced = take_out_of_use(tx, holders, out_of_use::removed, k_replaced, now);
    enter_scope(tx, who);
    store_push(tx, keys, id, push, now);
    auto views = read_views(tx, {id});
    if (views.empty()) return std::nullopt;
    out.device = std::move(views.front());
    return out;
}

} // namespace z360::adapter::postgres
