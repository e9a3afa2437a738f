// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/identity_life.hpp"

#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {
namespace {

// The device first: everybody locks in this order.
constexpr const char* k_lock_device = R"sql(
select d.device_id, d.status from devices d
 where d.device_id = (select device_id from sip_identities where identity_id = $1) for update)sql";
constexpr const char* k_lock = R"sql(
select state, coalesce(telnyx_credential_id, ''), kind from sip_identities where identity_id = $1 for update)sql";

// The comparison may have taken it for a stranger's before its row was written.
constexpr const char* k_not_a_stranger = R"sql(
update sip_identities set telnyx_credential_id = null, sip_username = null, state = 'dead', retry_at = null
 where kind = 'stranger' and telnyx_credential_id = $1)sql";

// There is room for one old identity; one that is older still has had its time.
constexpr const char* k_make_room = R"sql(
update sip_identities set state = 'retiring', retired_at = z360_at($2), retire_reason = 'rotated', retry_at = null,
       jwt = null, jwt_key_id = null
 where device_id = $1 and state = 'rotating'
   and exists (select from sip_identities a where a.device_id = $1 and a.state = 'active'))sql";
constexpr const char* k_supersede = R"sql(
update sip_identities set state = 'rotating', superseded_at = z360_at($2), jwt = null, jwt_key_id = null
 where device_id = $1 and state = 'active')sql";
constexpr const char* k_activate = R"sql(
update sip_identities
   set state = 'active', telnyx_credential_id = $2, sip_username = $3, sip_password = $4::bytea,
       password_key_id = $5, connection_id = coalesce(nullif($6, ''), connection_id), expires_at = z360_at($7),
       activated_at = z360_at($8), failures = 0, last_error = '', retry_at = null
 where identity_id = $1)sql";

// A dead one comes back to die once more: its creation was still on the way when it was buried.
constexpr const char* k_keep_for_deletion = R"sql(
update sip_identities set telnyx_credential_id = $2, state = 'retiring', retry_at = null,
       retired_at = coalesce(retired_at, z360_at($3))
 where identity_id = $1 and telnyx_credential_id is null)sql";

constexpr const char* k_bury = R"sql(
update sip_identities
   set state = 'dead', sip_password = null, password_key_id = null, jwt = null, jwt_key_id = null,
       jwt_claimed_until = null, claimed_until = null, retry_at = null, failures = 0, last_error = ''
 where identity_id = $1 and state = 'retiring')sql";
constexpr const char* k_forget_stranger =
    "delete from sip_identities where identity_id = $1 and kind = 'stranger' and state = 'dead'";
constexpr const char* k_has_history = R"sql(
select exists (select from call_legs where device_id = $1),
       exists (select from sip_identities where device_id = $1 and state <> 'dead'))sql";
constexpr const char* k_forget_identities =
    "delete from sip_identities where device_id = $1 and state = 'dead'";
constexpr const char* k_forget_device = "delete from devices where device_id = $1 and status = 'removed'";

constexpr const char* k_stranger = R"sql(
insert into sip_identities as i (kind, telnyx_credential_id, sip_username, connection_id, state, expires_at,
                                 created_at, retired_at, retire_reason)
select 'stranger', $1, case when exists (select from sip_identities where sip_username = $2) then null
                            else nullif($2, '') end, $3, 'retiring', z360_at(nullif($4, '')::bigint),
       z360_at($5), z360_at($5), 'stranger'
on conflict (telnyx_credential_id) do update
   set state = 'retiring', retry_at = null, retired_at = excluded.retired_at
 where i.state = 'dead')sql";

} // namespace

bool activate_identity(
    pqxx::transaction_base& tx, const crypto::vault& keys, identity_id i,
    const port::carrier_credential& made, time_point expires_at, time_point now
) {
    const auto device = exec_in(tx, "identity_lock_device", k_lock_device, i.value);
    const auto row = exec_in(tx, "identity_lock", k_lock, i.value);
    const std::string id = storable(made.id);
    const std::string state = row.empty() ? "" : row[0][0].c_str();
    const std::string had = row.empty() ? "" : row[0][1].c_str();
    if (state == "active" && had == id) return true; // the reply to the first time was lost
    if (state == "pending" && !device.empty()) {
        const auto device_key = device[0][0].as<std::int64_t>();
        exec_in(tx, "identity_not_a_stranger", k_not_a_stranger, id);
        exec_in(tx, "identity_make_room", k_make_room, device_key, in_ms(now));
        exec_in(tx, "identity_supersede", k_supersede, device_key, in_ms(now));
        const auto box = keys.seal(made.sip_password, crypto::place(k_password_column, i.value));
        exec_in(
            tx, "identity_activate", k_activate, i.value, id, storable(made.sip_username),
            pqxx::binarystring(box.bytes), box.key_id, storable(made.connection_id), in_ms(expires_at),
            in_ms(now)
        );
        return true;
    }
    if (had == id) return false; // known, and on its way out already
    if (!row.empty() && had.empty())
        exec_in(tx, "identity_keep_for_deletion", k_keep_for_deletion, i.value, id, in_ms(now));
    else
        record_stranger(tx, made, now); // made twice, or its row is gone
    return false;
}

void bury_identity(pqxx::transaction_base& tx, identity_id i) {
    const auto device = exec_in(tx, "identity_lock_device", k_lock_device, i.value);
    exec_in(tx, "identity_bury", k_bury, i.value);
    if (device.empty()) {
        exec_in(tx, "identity_forget_stranger", k_forget_stranger, i.value);
        return;
    }
    if (std::string_view(device[0][1].c_str()) != "removed") return;
    const auto key = device[0][0].as<std::int64_t>();
    const auto has = exec_in(tx, "device_has_history", k_has_history, key)[0];
    if (has[0].as<bool>() || has[1].as<bool>()) return; // a tombstone: calls name it, or Telnyx has one left
    exec_in(tx, "identities_forget", k_forget_identities, key);
    exec_in(tx, "device_forget", k_forget_device, key);
}

void record_stranger(pqxx::transaction_base& tx, const port::carrier_credential& c, time_point now) {
    exec_in(
        tx, "identity_stranger", k_stranger, storable(c.id), storable(c.sip_username),
        storable(c.connection_id), ms_or_empty(c.expires_at), in_ms(now)
    );
}

} // namespace z360::adapter::postgres
