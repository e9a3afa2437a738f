// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Bearer tokens as rows: keyed hashes, never the tokens.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360 {

using token_id = int_id<struct token_id_tag>; ///< Row of `api_tokens`.

} // namespace z360

namespace z360::port {

/// What a bearer token is for. Names in the database, in prefixes and in replies are those of name().
enum class token_kind : std::uint8_t {
    device,    ///< one device of one person (D10); sliding 30 d, absolute 180 d
    service,   ///< a trusted backend; acts for users it names
    admin,     ///< an operator or the product's synchronisation
    enrolment, ///< registers one device of one person, once
    handoff,   ///< hands a person's sign-in to the web product, once
};
[[nodiscard]] constexpr std::string_view name(token_kind k) {
    switch (k) {
    case token_kind::device: return "device";
    case token_kind::service: return "service";
    case token_kind::admin: return "admin";
    case token_kind::enrolment: return "enrolment";
    case token_kind::handoff: return "handoff";
    }
    return "?";
}

/// What a service or admin token may be allowed to do.
inline constexpr std::array<std::string_view, 15> k_token_scopes{
    "act",         "handoff",      "tenants:read", "tenants:write",   "devices:read",     "devices:write",
    "enrolment",   "tokens",       "push:send",    "recordings:read", "recordings:write", "calls:read",
    "events:read", "events:write", "agent",
};

/// A token as stored. `hash` is keyed (adapter/crypto vault); the token itself is known to its holder only.
struct token_row {
    token_id id;
    token_kind kind = token_kind::device;
    std::string hash_key_id;
    std::string label; ///< for people
    std::vector<std::string> scopes;
    org_id org;                ///< none: every organisation (service and admin only)
    org_id bound_to;           ///< other kinds: sees, and issues for, this organisation only; none: all
    user_id user;              ///< device, enrolment, handoff
    device_id device;          ///< device
    token_id issued_by;        ///< the token by whose right it was made; none: at a terminal, or by a cookie
    std::string device_uid;    ///< the device's own id; device only
    std::string device_status; ///< active, suspended, removed; device only
    std::string user_status;   ///< active, suspended; empty without a user
    bool on_call = false;      ///< device tokens that are at their end: the device has a live leg (B47)
    time_point created_at{};
    std::optional<time_point> last_used_at;
    time_point expires_at{}; ///< slides with use
    time_point ends_at{};    ///< does not
    std::optional<time_point> used_at;
    std::optional<time_point> revoked_at;
    std::string revoke_reason;
};

/// A token to be stored.
struct new_token {
    token_kind kind = token_kind::device;
    std::string hash; ///< 32 bytes
    std::string hash_key_id;
    std::string label;
    std::vector<std::string> scopes;
    org_id org;
    org_id bound_to; ///< of kinds other than service and admin
    user_id user;
    device_id device;
    token_id issued_by; ///< none: by nobody's token
    time_point now{};
    time_point expires_at{};
    time_point ends_at{};
};

/// Every function may throw unavailable.
class token_store {
  public:
    virtual ~token_store() = default;

    /// The token with one of these hashes (one for each key of the key file). nullopt: there is none.
    /// Revoked, used and expired ones are found too: the caller says why they do not do.
    virtual boost::asio::awaitable<std::optional<token_row>> find(std::vector<std::string> hashes) = 0;
    virtual boost::asio::awaitable<token_id> add(new_token t) = 0;
    /// Use is proof of life: moves `expires_at` to at most `ends_at`, and the device's last_seen_at. Call it
    /// at most once an hour for a token; cheap to repeat. A hash under an old key is replaced by `rehash`.
    virtual boost::asio::awaitable<void>
    touch(token_id t, time_point now, time_point expires_at, std::optional<new_token> rehash) = 0;
    /// Marks a one-time token as used. false: it was used, revoked or expired already; nothing changed.
    virtual boost::asio::awaitable<bool> consume(token_id t, time_point now) = 0;
    /// Effective at once on every node. false: there is no such live token (in `org`, when given).
    virtual boost::asio::awaitable<bool>
    revoke(token_id t, org_id org, std::string reason, time_point now) = 0;
    /// Live service and admin tokens of an organisation (none: of every), newest first.
    virtual boost::asio::awaitable<std::vector<token_row>> list(org_id org, std::size_t limit) = 0;
    /// Enrolment codes of an organisation (none: of every) that are still good for a device, newest first.
    virtual boost::asio::awaitable<std::vector<token_row>> codes(org_id org, std::size_t limit) = 0;
    /// Live tokens and codes that were made by right of this one, also by what it made and by codes that were
    /// used since; newest first. `t` itself may be void.
    virtual boost::asio::awaitable<std::vector<token_row>> issued_by(token_id t, std::size_t limit) = 0;
    /// An identity token of somebody else (Sign in with Apple) serves once: false when this one has served.
    /// `fingerprint`: 64 hexadecimal digits of what is signed in it. It is remembered until `until`.
    virtual boost::asio::awaitable<bool>
    first_use(std::string fingerprint, time_point until, time_point now) = 0;
};

} // namespace z360::port
