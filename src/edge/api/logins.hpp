// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a device logs in to the carrier with, as replies show it.
#pragma once

#include "edge/api/api_context.hpp"

namespace z360::edge::api {

/// When a reply may hold the password. Never for a device that logs in by JWT (CFG-03).
enum class password_rule : std::uint8_t {
    first_time,    ///< the request began before it was ever given away (SEC-03), or configured
    if_configured, ///< only for old clients: credentials.password_in_replies
    asked_for,     ///< reveal
};

struct login {
    bool ready = false; ///< there is an identity that can be used now; false: it is being made
    identity_id identity;
    std::string sip_username;
    int version = 0;
    std::optional<time_point> expires_at;
    credential_manager::token_status token;
    json password = nullptr;
    json sealed = nullptr; ///< base64 of the box, when the device has a public key
    [[nodiscard]] bool with_password() const { return !password.is_null() || !sealed.is_null(); }
};

/// Waits at most `budget` for the carrier; with none of it only what is stored and cached counts, and the
/// carrier is not asked. What leaves is marked and, with a password, audited before. Throws unavailable.
[[nodiscard]] awaitable<login>
log_in(api_context& s, request_context in, port::device_view d, password_rule rule, millis budget);

/// The fields that every reply about a login has.
[[nodiscard]] json login_fields(const login& l);
/// The old `sip_credentials` block; null while pending.
[[nodiscard]] json sip_credentials(const login& l);

/// The person's device of this name: the app's own `device_id` first, then the number `id`. Removed ones,
/// too; nullopt: the person has none.
[[nodiscard]] awaitable<std::optional<port::device_view>>
find_device(api_context& s, port::tenant_scope scope, user_id owner, std::string name);

/// The device that a request is about: the token's own, the one named by `uid` (body or query `device_id`, or
/// X-Z360-Device), or the one that an old request must mean. Refused: another's (404), or none (404).
struct device_found {
    std::optional<port::device_view> device;
    std::optional<problem> refused;
};
[[nodiscard]] awaitable<device_found> device_of(api_context& s, request_context in, std::string uid);

/// Organisations of their person that they may see.
[[nodiscard]] awaitable<std::vector<port::org_label>> organisations_of(api_context& s, principal who);
/// The organisation that a reply names: the wanted one, the request's, or the first active one.
[[nodiscard]] const port::org_label*
choose(const std::vector<port::org_label>& orgs, const principal& who, std::optional<std::int64_t> wanted);

} // namespace z360::edge::api
