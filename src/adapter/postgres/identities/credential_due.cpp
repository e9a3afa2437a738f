// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/credential_due.hpp"

#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/params.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_map>

namespace z360::adapter::postgres {
namespace {

constexpr std::size_t k_candidates = 500; ///< in one look; a look takes a few milliseconds

constexpr const char* k_read =
    "select d.device_id, d.user_id, " Z360_ENTITLED
    ", z360_device_busy(d.device_id), z360_ms(d.last_seen_at), (" Z360_IDENTITIES
    ")::text from devices d where d.device_id = any($1::bigint[]) order by d.device_id";

// One way to be due: its rows in the order of an index, without devices that are being worked on.
#define Z360_DUE(since, state_is)                                                                            \
    "(select i.device_id, " since " as since from sip_identities i join devices d on d.device_id = "         \
    "i.device_id where " state_is " and (d.work_claimed_until is null or "                                   \
    "d.work_claimed_until <= clock_timestamp()) order by " since " limit $2::bigint)"

// $1 now, $2 candidates of each kind, $3 … $6: a row is a candidate when it expires / lapses during a call /
// began to overlap / showed life last at or before this time (ms). Rotation is spread by up to two percent;
// the exact moment is credential::rotation_due's. Whether a device is on a call is asked for few rows only.
constexpr const char* k_candidate_sql =
    "select device_id from (select device_id, min(since) as since from ("
    Z360_DUE("coalesce(i.retry_at, i.created_at)",
             "i.state in ('pending', 'retiring') and coalesce(i.retry_at, i.created_at) <= z360_at($1)")
    " union all "
    Z360_DUE("i.retry_at",
             "i.state in ('active', 'rotating') and i.retry_at is not null and i.retry_at <= z360_at($1)")
    " union all "
    Z360_DUE("i.expires_at", "i.state in ('active', 'rotating') and i.expires_at <= z360_at($1)")
    " union all "
    Z360_DUE("i.expires_at",
             "i.state in ('active', 'rotating') and i.expires_at <= z360_at($3) and i.state = 'active' and not "
             "exists (select from sip_identities o where o.device_id = i.device_id and o.state in ('pending', "
             "'rotating'))")
    " union all "
    Z360_DUE("i.expires_at",
             "i.state in ('active', 'rotating') and i.expires_at > z360_at($1) and i.expires_at <= z360_at($4) "
             "and z360_device_busy(i.device_id)")
    " union all "
    Z360_DUE("i.superseded_at", "i.state = 'rotating' and i.superseded_at <= z360_at($5)")
    R"sql( union all
(select d.device_id, d.last_seen_at from devices d
  where d.status = 'active' and d.last_seen_at <= z360_at($6)
    and (d.work_claimed_until is null or d.work_claimed_until <= clock_timestamp())
  order by d.last_seen_at limit $2::bigint)
) all_kinds group by device_id) t order by since, device_id)sql";

constexpr const char* k_ownerless =
    "with due as (select identity_id from sip_identities where state = 'retiring' "
    "and device_id is null and coalesce(retry_at, created_at) <= z360_at($1) "
    "and (claimed_until is null or claimed_until <= clock_timestamp()) "
    "order by coalesce(retry_at, created_at) limit $2 for update skip locked) "
    "update sip_identities i set claimed_until = clock_timestamp() + "
    "$3::bigint * interval '1 ms' from due where i.identity_id = due.identity_id "
    "returning (" Z360_IDENTITY ")::text";

} // namespace

std::vector<port::claimed_device>
read_claimed(pqxx::transaction_base& tx, const std::vector<device_id>& devices) {
    std::vector<port::claimed_device> out;
    if (devices.empty()) return out;
    for (const auto& r : exec_in(tx, "credential_read", k_read, key_array(devices))) {
        port::claimed_device c;
        c.device.id = {r[0].as<std::int64_t>()};
        c.device.entitled = r[2].as<bool>();
        c.device.busy = r[3].as<bool>();
        c.device.last_seen = time_or_null(r[4]).value_or(time_point{});
        for (auto& row : read_identities(nlohmann::json::parse(r[5].c_str()))) {
            row.names.user = {r[1].as<std::int64_t>()};
            c.device.identities.push_back(row.identity);
            c.names.push_back(std::move(row.names));
        }
        out.push_back(std::move(c));
    }
    return out;
}

std::vector<device_id>
due_devices(pqxx::transaction_base& tx, const credential::policy& p, time_point now, std::size_t limit) {
    const auto percent = std::min(p.rotate_percent, 100U);
    const auto left_at_rotation = millis{p.life.count() / 100 * (100 - percent + 2)};
    const auto rows = exec_in(
        tx, "credential_candidates", k_candidate_sql, in_ms(now), std::max(k_candidates, limit * 2),
        in_ms(now + left_at_rotation), in_ms(now + p.call_reserve), in_ms(now - p.overlap),
        in_ms(now - p.silent_after)
    );
    std::vector<device_id> out, page;
    const auto look = [&] {
        // Read by id, taken in the order of their due times.
        std::unordered_map<std::int64_t, bool> due;
        for (const auto& c : read_claimed(tx, page))
            due[c.device.id.value] = !credential::decide(c.device, p, now).empty();
        for (const auto d : page)
            if (out.size() < limit && due[d.value]) out.push_back(d);
        page.clear();
    };
    for (const auto& r : rows) {
        page.push_back({r[0].as<std::int64_t>()});
        if (page.size() < std::max<std::size_t>(limit, 20)) continue;
        look();
        if (out.size() >= limit) return out;
    }
    look();
    return out;
}

std::vector<port::claimed_device>
claim_ownerless(pqxx::transaction_base& tx, time_point now, std::size_t limit, millis claim) {
    std::vector<port::claimed_device> out;
    if (limit == 0) return out;
    for (const auto& r : exec_in(tx, "credential_ownerless", k_ownerless, in_ms(now), limit, claim.count())) {
        auto row = read_identity(nlohmann::json::parse(r[0].c_str()));
        port::claimed_device c;
        c.device.entitled = false;
        c.device.last_seen = now;
        c.device.identities.push_back(row.identity);
        c.names.push_back(std::move(row.names));
        out.push_back(std::move(c));
    }
    return out;
}

} // namespace z360::adapter::postgres
