// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The second step: one device after the other is made from its rows, newest proof of life first.
#include "adapter/postgres/identities/identity_life.hpp"
#include "adapter/postgres/identities/push_tokens.hpp"
#include "adapter/postgres/ops/importing.hpp"
#include "adapter/postgres/params.hpp"

#include <algorithm>
#include <utility>

namespace z360::adapter::postgres {
namespace {

// The devices, in an order that does not depend on the file's.
constexpr const char* k_groups = R"sql(
create temporary table import_devices as
select row_number() over (order by max(last_active) desc nulls last, max(updated) desc nulls last, max(old_id) desc) as n,
       user_id, device_uid
  from import_rows where source = 'user_device_tokens' group by user_id, device_uid)sql";
constexpr const char* k_index_rows = "create index on import_rows (user_id, device_uid)";
constexpr const char* k_index_groups = "create unique index on import_devices (n)";
constexpr const char* k_next_groups =
    "select n, user_id, device_uid from import_devices where n > $1 order by n limit $2";
constexpr const char* k_rows_of = R"sql(
select line, old_id, coalesce(org_id, 0), platform, app_version, name, push, push_key, push_voip,
       coalesce(credential_id, ''), coalesce(sip_username, ''), connection_id, password, password_key,
       z360_ms(coalesce(last_active, updated, created)), z360_ms(created), z360_ms(expires)
  from import_rows where source = 'user_device_tokens' and user_id = $1 and device_uid = $2
 order by last_active desc nulls last, updated desc nulls last, old_id desc)sql";
constexpr const char* k_add_device = R"sql(
insert into devices (user_id, device_uid, name, platform, app_version, last_seen_at, registered_at, created_at)
values ($1, $2, $3, $4, $5, z360_at($6), z360_at($7), z360_at($7))
on conflict (user_id, device_uid) do nothing returning device_id)sql";
constexpr const char* k_device =
    "select device_id from devices where user_id = $1 and device_uid = $2 for update";
constexpr const char* k_register = R"sql(
insert into device_registrations (device_id, org_id) select $1, m.org_id from memberships m
 where m.user_id = $2 and m.org_id = $3 on conflict do nothing)sql";
constexpr const char* k_member = "select from memberships where user_id = $1 and org_id = $2";
constexpr const char* k_superfluous = "insert into import_superfluous (line, device_id) values ($1, $2)";
constexpr const char* k_token_taken = R"sql(
select from devices where push_token_hash = any($1::bytea[]) or voip_token_hash = any($1::bytea[]) limit 1)sql";
constexpr const char* k_name_taken =
    "select from sip_identities where telnyx_credential_id = $1 or sip_username = $2 limit 1";

// The device has this credential and has used it: nothing has to be delivered or proved any more.
constexpr const char* k_adopt = R"sql(
with d as (update devices set credential_version = 1 where device_id = $1)
insert into sip_identities (device_id, telnyx_credential_id, sip_username, connection_id, state, expires_at, created_at,
                            activated_at, delivered_at, proved_at, disclosed_at)
values ($1, $2, $3, $4, 'active', z360_at($5), z360_at($6), z360_at($6), z360_at($6), z360_at($6), z360_at($6))
returning identity_id)sql";
constexpr const char* k_password =
    "update sip_identities set sip_password = $2::bytea, password_key_id = $3 where identity_id = $1";
constexpr const char* k_pend = R"sql(
with d as (update devices set credential_version = 1 where device_id = $1)
insert into sip_identities (device_id, created_at) values ($1, z360_at($2)))sql";

} // namespace

void importing::take_devices() {
    {
        pqxx::work tx(db_);
        tx.exec(k_groups);
        tx.exec(k_index_rows);
        tx.exec(k_index_groups);
        tx.commit();
    }
    for (std::int64_t after = 0;;) {
        pqxx::result groups;
        {
            pqxx::nontransaction tx(db_);
            groups = exec_in(tx, "import_next_devices", k_next_groups, after, k_batch);
        }
        if (groups.empty()) return;
        for (const auto& g : groups) {
            after = g[0].as<std::int64_t>();
            counted([&](pqxx::work& tx, import_report& r) {
                take_device(tx, g[1].as<std::int64_t>(), g[2].c_str(), r);
            });
        }
        if (progress_) progress_(out_.lines);
    }
}

std::vector<staged> importing::rows_of(pqxx::work& tx, std::int64_t user, const std::string& uid) {
    std::vector<staged> rows;
    for (const auto& x : exec_in(tx, "import_rows_of", k_rows_of, user, uid)) {
        staged s;
        s.line = x[0].as<std::int64_t>();
        s.org = x[2].as<std::int64_t>();
        s.platform = x[3].c_str();
        s.app_version = x[4].c_str();
        s.name = x[5].c_str();
        s.push = {x[7].is_null() ? "" : x[7].c_str(), bytes_of(x[6])};
        s.voip = x[8].as<bool>();
        s.credential_id = x[9].c_str();
        s.sip_username = x[10].c_str();
        s.connection_id = x[11].c_str();
        s.password = {x[13].is_null() ? "" : x[13].c_str(), bytes_of(x[12])};
        s.seen = time_or_null(x[14]);
        s.created = time_or_null(x[15]);
        s.expires = time_or_null(x[16]);
        rows.push_back(std::move(s));
    }
    return rows;
}

void importing::take_device(pqxx::work& tx, std::int64_t user, const std::string& uid, import_report& r) {
    const auto rows = rows_of(tx, user, uid);
    const auto& newest = rows.front();
    const auto added = exec_in(
        tx, "import_add_device", k_add_device, user, uid, newest.name, newest.platform, newest.app_version,
        in_ms(std::min(newest.seen.value_or(options_.now), options_.now)),
        in_ms(rows.back().created.value_or(options_.now))
    );
    const bool fresh = !added.empty();
    const auto found = fresh ? added : exec_in(tx, "import_device", k_device, user, uid);
    const device_id device{found[0][0].as<std::int64_t>()};
    r.devices += fresh ? 1 : 0;
    r.duplicates += rows.size() - (fresh ? 1 : 0);
    // A device that is known here has registered since, or was imported before: what it has is newer.
    const staged* best = nullptr;
    if (fresh) {
        take_push(tx, device, rows);
        best = survivor(tx, rows);
        take_identity(tx, device, best, r);
        if (!best)
            note(newest.line, "device " + uid + " gets a new identity: no line of it has one to take over");
    }
    std::vector<std::int64_t> done;
    for (const auto& s : rows) {
        if (!fresh)
            note(s.line, "device " + uid + " is known here already: it keeps what it has");
        else if (&s != &newest)
            note(
                s.line,
                "device " + uid + " is made of line " + std::to_string(newest.line) + ", which is newer"
            );
        if (s.org != 0) register_at(tx, device, user, s, r);
        // Another device may have the better claim to it: what ends is known when all are taken.
        if (&s != best && !s.credential_id.empty())
            exec_in(tx, "import_superfluous", k_superfluous, s.line, device.value);
        else
            done.push_back(s.line);
    }
    mark(tx, done);
}

void importing::register_at(
    pqxx::work& tx, device_id device, std::int64_t user, const staged& row, import_report& r
) {
    const auto n = exec_in(tx, "import_register", k_register, device.value, user, row.org).affected_rows();
    r.registrations += static_cast<std::size_t>(n);
    if (n == 0 && exec_in(tx, "import_member", k_member, user, row.org).empty())
        note(
            row.line,
            "not registered with organisation " + std::to_string(row.org) + ": the user is no member of it"
        );
}

void importing::take_push(pqxx::work& tx, device_id device, const std::vector<staged>& rows) {
    std::vector<port::push_token> tokens;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) { // the newest of a kind comes last and stays
        if (row->push.bytes.empty()) continue;
        auto plain = keys_.open_sealed(row->push, push_place(row->line));
        if (!plain) continue;
        tokens.push_back(
            {row->voip ? port::push_kind::apns_voip : port::push_kind::fcm, std::move(*plain), {}}
        );
    }
    auto push = hashed(keys_, std::move(tokens), options_.now);
    // Devices come in the order of their last proof of life: who holds it already has the better claim.
    std::erase_if(push, [&](const hashed_token& t) {
        const std::vector<std::string_view> raw(t.hashes.begin(), t.hashes.end());
        if (exec_in(tx, "import_token_taken", k_token_taken, bytea_array(raw)).empty()) return false;
        note(rows.front().line, "its push token is another device's, which was seen later");
        return true;
    });
    store_push(tx, keys_, device, push, options_.now);
}

const staged* importing::survivor(pqxx::work& tx, const std::vector<staged>& rows) {
    for (const auto& s : rows)
        if (s.usable() &&
            exec_in(tx, "import_name_taken", k_name_taken, s.credential_id, s.sip_username).empty())
            return &s;
    return nullptr;
}

void importing::take_identity(pqxx::work& tx, device_id device, const staged* best, import_report& r) {
    auto plain = best ? keys_.open_sealed(best->password, password_place(best->line)) : std::nullopt;
    if (!best || !plain) {
        exec_in(tx, "import_pend", k_pend, device.value, in_ms(options_.now));
        ++r.pending;
        return;
    }
    const auto expires = std::max(best->expires.value_or(time_point{}), options_.now + options_.grace);
    const auto made = exec_in(
        tx, "import_adopt", k_adopt, device.value, best->credential_id, best->sip_username,
        best->connection_id, in_ms(expires),
        in_ms(std::min(best->created.value_or(options_.now), options_.now))
    );
    const auto id = made[0][0].as<std::int64_t>();
    const auto box = keys_.seal(*plain, crypto::place(k_password_column, id));
    exec_in(tx, "import_password", k_password, id, pqxx::binarystring(box.bytes), box.key_id);
    ++r.identities;
}

} // namespace z360::adapter::postgres
