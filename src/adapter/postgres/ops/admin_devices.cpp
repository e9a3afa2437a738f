// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices and tokens, as operators enter and end them.
#include "adapter/postgres/audit.hpp"
#include "adapter/postgres/identities/device_rows.hpp"
#include "adapter/postgres/identities/token_rows.hpp"
#include "adapter/postgres/ops/admin_connection.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {

device_keys admin::upsert_device(const device_row& d) {
    return with(db_->db, [&](pqxx::work& tx) {
        device_keys keys;
        const auto device = tx.exec_params1(
            "insert into devices (user_id, device_uid, name, platform) values ($1, $2, $3, $4) on conflict "
            "(user_id, "
            "device_uid) do update set name = excluded.name, platform = excluded.platform, status = "
            "'active', status_reason = '', removed_at = null, "
            "last_seen_at = now() returning device_id",
            d.user.value, d.device_uid, d.name, d.platform
        );
        keys.device = {device[0].as<std::int64_t>()};
        tx.exec_params0(
            "update sip_identities set state = 'retiring' where device_id = $1 and state = 'active' and "
            "sip_username "
            "<> $2",
            keys.device.value, d.sip_username
        );
        const std::string expiry =
            d.expires_at ? std::to_string(d.expires_at->time_since_epoch().count()) : std::string();
        const auto identity = tx.exec_params(
            "insert into sip_identities as i (device_id, telnyx_credential_id, sip_username, state, "
            "expires_at) values "
            "($1, $2, $3, 'active', z360_at(nullif($4, '')::bigint)) on conflict (sip_username) do update "
            "set state = "
            "'active', telnyx_credential_id = excluded.telnyx_credential_id, expires_at = "
            "excluded.expires_at where "
            "i.device_id = excluded.device_id returning identity_id",
            keys.device.value, d.telnyx_credential_id, d.sip_username, expiry
        );
        if (identity.empty())
            throw admin_error(
                "SIP user " + d.sip_username + " belongs to another device: make a credential per device"
            );
        keys.identity = {identity[0][0].as<std::int64_t>()};
        return keys;
    });
}

void admin::touch_device(device_id device, time_point seen) {
    with(db_->db, [&](pqxx::work& tx) {
        tx.exec_params0(
            "update devices set last_seen_at = z360_at($2) where device_id = $1", device.value,
            seen.time_since_epoch().count()
        );
        return true;
    });
}

std::vector<device_line> admin::devices_of(user_id owner) {
    return with(db_->db, [&](pqxx::work& tx) {
        std::vector<device_line> out;
        for (const auto& r : tx.exec_params(
                 "select device_id, device_uid, name, platform, status, z360_ms(last_seen_at), "
                 "coalesce((select i.state from sip_identities i where i.device_id = d.device_id and i.state "
                 "<> "
                 "'dead' order by i.identity_id desc limit 1), '') from devices d where user_id = $1 "
                 "order by last_seen_at desc, device_id",
                 owner.value
             ))
            out.push_back(
                {device_id{r[0].as<std::int64_t>()}, r[1].c_str(), r[2].c_str(), r[3].c_str(), r[4].c_str(),
                 time_at(r[5]), r[6].c_str()}
            );
        return out;
    });
}

std::optional<device_id>
admin::revoke_device(user_id owner, const std::string& device, port::audit_line line) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<device_id> {
        const auto r = tx.exec_params(
            "select device_id from devices where user_id = $1 and (device_uid = $2 or device_id::text = $2) "
            "order by device_uid = $2 desc limit 1",
            owner.value, storable(device)
        );
        if (r.empty()) return std::nullopt;
        const device_id which{r[0][0].as<std::int64_t>()};
        if (take_out_of_use(tx, {which}, out_of_use::removed, "revoked", line.at).empty())
            return std::nullopt;
        line.device = which;
        append_audit(tx, line);
        return which;
    });
}

std::optional<std::size_t> admin::revoke_token(token_id t, bool issued, port::audit_line line) {
    return with(db_->db, [&](pqxx::work& tx) -> std::optional<std::size_t> {
        const auto ended = tx.exec_params(
            "with recursive made (token_id) as (select $1::bigint union "
            "  select n.token_id from api_tokens n join made m on n.issued_by = m.token_id where $2) "
            "update api_tokens t set revoked_at = z360_at($3), revoke_reason = 'revoked by an operator' "
            " where t.token_id in (select token_id from made) and t.revoked_at is null and t.used_at is null "
            "   and t.expires_at > z360_at($3) "
            "returning t.token_id, t.kind, coalesce(t.device_id, 0), coalesce(t.user_id, 0)",
            t.value, issued, in_ms(line.at)
        );
        std::vector<device_id> devices;
        for (const auto& r : ended) {
            auto one = line;
            const token_id which{r[0].as<std::int64_t>()};
            one.device = device_id{r[2].as<std::int64_t>()};
            one.user = user_id{r[3].as<std::int64_t>()};
            one.token = which.value;
            one.detail =
                std::string(r[1].c_str()) + (which == t ? "" : ", made by token " + std::to_string(t.value));
            append_audit(tx, one);
            if (!one.device.none() && which != t) devices.push_back(one.device);
        }
        if (ended.empty()) return std::nullopt;
        return take_out_of_use(tx, devices, out_of_use::removed, "revoked", line.at).size();
    });
}

token_id admin::add_token(const port::new_token& t, port::audit_line line) {
    return with(db_->db, [&](pqxx::work& tx) {
        const auto id = insert_token(tx, t);
        line.token = id.value;
        append_audit(tx, line);
        return id;
    });
}

} // namespace z360::adapter::postgres
