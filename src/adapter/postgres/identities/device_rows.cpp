// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/identities/device_rows.hpp"

#include "adapter/postgres/identities/identity_rows.hpp"
#include "adapter/postgres/params.hpp"

namespace z360::adapter::postgres {
namespace {

constexpr const char* k_view =
    "select d.device_id, d.user_id, u.name, d.device_uid, d.name, d.platform, d.status, d.status_reason, "
    "d.app_version, d.sdk_version, d.os_version, d.bundle_id, d.apns_env, d.capabilities::text, "
    "d.embedded_webview, " Z360_NATIVE_HANDLES_CALLS R"sql(, d.wants_identity, d.public_key, d.push_state,
       z360_ms(d.push_updated_at), z360_ms(d.last_seen_at), z360_ms(d.registered_at),
       i.identity_id, i.state, coalesce(i.sip_username, ''), i.version, z360_ms(i.expires_at),
       z360_ms(i.disclosed_at), i.proved_at is not null,
       exists (select from sip_identities o where o.device_id = d.device_id and o.state = 'rotating'),
       z360_device_busy(d.device_id), l.call_session_id, coalesce(d.bound_org_id, 0), coalesce(d.session_hash, ''), z360_ms(d.relay_until)
  from devices d
  join users u on u.user_id = d.user_id
  left join lateral (select * from sip_identities x where x.device_id = d.device_id and x.state in ('active', 'pending')
                      order by x.state = 'active' desc limit 1) i on true
  left join lateral (select c.call_session_id from call_legs g join calls c on c.call_id = g.call_id
                      where g.device_id = d.device_id and not g.ended and c.phase <> 'ended'
                      order by g.answered desc, c.began_at desc limit 1) l on true
 where d.device_id = any($1::bigint[])
 order by d.last_seen_at desc, d.device_id desc)sql";

// $1 devices, $2 status, $3 reason, $4 now, $5 whether push tokens are forgotten
constexpr const char* k_out_of_use = R"sql(
with gone as (
    update devices
       set status = $2, status_reason = $3, removed_at = case when $2 = 'removed' then z360_at($4) end,
           push_state = case when $5 then 'none' else push_state end,
           push_token = case when not $5 then push_token end, push_key_id = case when not $5 then push_key_id end,
           push_token_hash = case when not $5 then push_token_hash end,
           push_issued_at = case when not $5 then push_issued_at end,
           voip_token = case when not $5 then voip_token end, voip_key_id = case when not $5 then voip_key_id end,
           voip_token_hash = case when not $5 then voip_token_hash end,
           voip_issued_at = case when not $5 then voip_issued_at end
     where device_id = any($1::bigint[]) and status not in ('removed', $2)
    returning device_id
), tokens as (
    update api_tokens t set revoked_at = z360_at($4), revoke_reason = $3
      from gone g where t.device_id = g.device_id and t.revoked_at is null
)
select device_id from gone order by device_id)sql";

// $1 devices, $2 reason, $3 now. What a leg is using gets a nudge instead: the due work finds it after the
// call.
constexpr const char* k_retire = R"sql(
update sip_identities i
   set state = case when x.stays then i.state else 'retiring' end,
       retired_at = case when not x.stays then z360_at($3) end,
       retire_reason = case when x.stays then '' else $2 end,
       retry_at = case when x.stays then z360_at($3) end,
       failures = 0, jwt = null, jwt_key_id = null
  from (select y.identity_id, y.state <> 'pending' and z360_device_busy(y.device_id) as stays
          from sip_identities y
         where y.device_id = any($1::bigint[]) and y.state in ('pending', 'active', 'rotating')) x
 where i.identity_id = x.identity_id and i.state in ('pending', 'active', 'rotating'))sql";

constexpr const char* k_pending =
    "select identity_id from sip_identities where device_id = $1 and state = 'pending'";

// $1 device, $2 connection, $3 now. The counter survives the rows: a version never comes twice.
constexpr const char* k_add = R"sql(
with d as (
    update devices set credential_version = 1 + greatest(credential_version,
               coalesce((select max(version) from sip_identities where device_id = $1), 0))
     where device_id = $1 returning device_id, credential_version
)
insert into sip_identities (device_id, version, connection_id, created_at)
select device_id, credential_version, $2, z360_at($3) from d
returning identity_id)sql";

// $1 device, $2 version, $3 now
constexpr const char* k_prove = R"sql(
with proved as (
    update sip_identities set proved_at = z360_at($3), delivered_at = coalesce(delivered_at, z360_at($3))
     where device_id = $1 and version = $2 and state in ('active', 'rotating') and proved_at is null
    returning device_id, state
)
update sip_identities i set retry_at = z360_at($3)
  from proved p where p.state = 'active' and i.device_id = p.device_id and i.state = 'rotating')sql";

port::device_view view_of(const pqxx::row& r) {
    port::device_view v;
    int c = 0;
    const auto next = [&r, &c] { return r[c++]; };
    const auto text = [&next] { return std::string(next().c_str()); };
    v.id = {next().as<std::int64_t>()};
    v.user = {next().as<std::int64_t>()};
    for (auto* field :
         {&v.user_name, &v.uid, &v.name, &v.platform, &v.status, &v.status_reason, &v.app_version,
          &v.sdk_version, &v.os_version, &v.bundle_id, &v.apns_env, &v.capabilities})
        *field = text();
    v.embedded_webview = next().as<bool>();
    v.native_handles_calls = next().as<bool>();
    v.wants_identity = next().as<bool>();
    v.public_key = bytes_of(next());
    v.push_state = text();
    v.push_updated_at = time_or_null(next());
    v.last_seen_at = time_or_null(next()).value_or(time_point{});
    v.registered_at = time_or_null(next()).value_or(time_point{});
    const auto id = next();
    if (!id.is_null()) {
        port::identity_view i;
        i.id = {id.as<std::int64_t>()};
        i.state = text();
        i.sip_username = text();
        i.version = next().as<int>();
        i.expires_at = time_or_null(next());
        i.disclosed_at = time_or_null(next());
        i.disclosed = i.disclosed_at.has_value();
        i.proved = next().as<bool>();
        i.replaces = next().as<bool>();
        v.identity = std::move(i);
    } else {
        c += 7;
    }
    v.on_call = next().as<bool>();
    if (const auto session = next(); !session.is_null()) v.call_session_id = session.c_str();
    v.bound_to = {next().as<std::int64_t>()};
    v.session_hash = text();
    v.relay_until = time_or_null(next());
    return v;
}

} // namespace

std::vector<port::device_view> read_views(pqxx::transaction_base& tx, const std::vector<device_id>& devices) {
    std::vector<port::device_view> out;
    if (devices.empty()) return out;
    for (const auto& r : exec_in(tx, "device_view", k_view, key_array(devices)))
        out.push_back(view_of(r));
    return out;
}

std::vector<device_id> take_out_of_use(
    pqxx::transaction_base& tx, const std::vector<device_id>& devices, out_of_use how,
    const std::string& reason, time_point now
) {
    using credential::retire_reason;
    std::vector<device_id> gone;
    if (devices.empty()) return gone;
    const bool silent = how == out_of_use::silent;
    const std::string status = how == out_of_use::removed ? "removed" : "suspended";
    for (const auto& r : exec_in(
             tx, "devices_out_of_use", k_out_of_use, key_array(devices), status, reason, in_ms(now), !silent
         ))
        gone.push_back({r[0].as<std::int64_t>()});
    retire_identities(tx, gone, silent ? retire_reason::silent : retire_reason::device_gone, now);
    return gone;
}

void retire_identities(
    pqxx::transaction_base& tx, const std::vector<device_id>& devices, credential::retire_reason why,
    time_point now
) {
    if (devices.empty()) return;
    exec_in(tx, "identities_retire", k_retire, key_array(devices), std::string(name(why)), in_ms(now));
}

identity_id add_pending_identity(
    pqxx::transaction_base& tx, device_id device, const std::string& connection_id, time_point now
) {
    const auto have = exec_in(tx, "identity_pending", k_pending, device.value);
    if (!have.empty()) return {have[0][0].as<std::int64_t>()};
    const auto made = exec_in(tx, "identity_add", k_add, device.value, connection_id, in_ms(now));
    return made.empty() ? identity_id{} : identity_id{made[0][0].as<std::int64_t>()};
}

void prove_identity(pqxx::transaction_base& tx, device_id device, int version, time_point now) {
    exec_in(tx, "identity_prove", k_prove, device.value, version, in_ms(now));
}

} // namespace z360::adapter::postgres
