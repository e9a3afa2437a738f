// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Identities on their way out of the database, in the form in which credential:: decides about them.
#pragma once

#include <z360/credential/lifecycle.hpp>
#include <z360/port/credential_store.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

// Of `devices d`: it may have an identity of its own. A web view inside an app never does, one that is linked
// to a native device does not while that device is there (IOS-01).
#define Z360_NATIVE_HANDLES_CALLS                                                                            \
    "(d.embedded_webview or exists (select from devices n where n.device_id = d.native_device_id and "       \
    "n.status = 'active'))"
#define Z360_ENTITLED                                                                                        \
    "(d.status = 'active' and d.wants_identity and not " Z360_NATIVE_HANDLES_CALLS                           \
    " and exists (select from users u join memberships m on m.user_id = u.user_id "                          \
    "join organizations o on o.org_id = m.org_id "                                                           \
    "where u.user_id = d.user_id and u.status = 'active' and o.status = 'active' "                           \
    "and (d.bound_org_id is null or d.bound_org_id = o.org_id)))"

// One row of `sip_identities i` as JSON, without its secrets.
#define Z360_IDENTITY                                                                                        \
    "json_build_object('id', i.identity_id, 'state', i.state, 'version', i.version, "                        \
    "'telnyx_id', coalesce(i.telnyx_credential_id, ''), 'sip_username', coalesce(i.sip_username, ''), "      \
    "'connection_id', i.connection_id, 'key', i.key, 'created', z360_ms(i.created_at), "                     \
    "'activated', z360_ms(i.activated_at), 'expires', z360_ms(i.expires_at), "                               \
    "'delivered', z360_ms(i.delivered_at), 'proved', z360_ms(i.proved_at), "                                 \
    "'superseded', z360_ms(i.superseded_at), 'asked', z360_ms(i.asked_at), 'failures', i.failures, "         \
    "'retry', z360_ms(i.retry_at))"
// All of `devices d` that are not dead, oldest first.
#define Z360_IDENTITIES                                                                                      \
    "coalesce((select json_agg(" Z360_IDENTITY " order by i.identity_id) from sip_identities i "             \
    "where i.device_id = d.device_id and i.state <> 'dead'), '[]')"

struct identity_row {
    credential::identity identity;
    port::identity_names names; ///< without the user
};

/// What Z360_IDENTITY made.
[[nodiscard]] identity_row read_identity(const nlohmann::json& row);
/// What Z360_IDENTITIES made.
[[nodiscard]] std::vector<identity_row> read_identities(const nlohmann::json& list);

} // namespace z360::adapter::postgres
