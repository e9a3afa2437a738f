// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The life of a device's SIP identities. Pure: what should happen next follows from the rows and the time
// alone, so that any node, any order and any restart comes to the same decision.
//
//   pending ──made at Telnyx──▶ active ──a newer one is active──▶ rotating ──proved or overlap over──▶
//   retiring ──deleted──▶ dead
//      └───────────────────────────┴──────── device gone, silent, revoked, expired ────────────────────▲
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace z360::credential {

/// The same names in the database, replies and logs.
enum class identity_state : std::uint8_t {
    pending,  ///< the row exists; Telnyx may or may not know the credential
    active,   ///< the device's current identity
    rotating, ///< the one before, still valid until the device proves the new one
    retiring, ///< must be deleted at Telnyx
    dead,     ///< gone there; terminal
};
[[nodiscard]] std::string_view name(identity_state p);
[[nodiscard]] std::optional<identity_state> identity_state_of(std::string_view text);

enum class retire_reason : std::uint8_t {
    none,
    rotated,     ///< the device has proved the next one, or the overlap is over
    expired,     ///< its life at Telnyx is over
    silent,      ///< the device showed no life for too long
    device_gone, ///< logged out, revoked, replaced, its person removed
    not_wanted,  ///< a native device takes the calls
    imported,    ///< duplicate or organisation credential of the old system
    lost,        ///< Telnyx does not know it any more
};
[[nodiscard]] std::string_view name(retire_reason r);

/// One row of sip_identities, as far as decisions need it.
struct identity {
    identity_id id;
    identity_state now_in = identity_state::pending;
    int version = 1;
    bool at_carrier = false; ///< Telnyx's id of it is known
    time_point created_at{};
    std::optional<time_point> activated_at;
    std::optional<time_point> expires_at; ///< at Telnyx too; an expired credential can only be deleted
    std::optional<time_point> delivered_at;
    std::optional<time_point> proved_at;
    std::optional<time_point> superseded_at; ///< rotating since
    std::optional<time_point> asked_at;      ///< a create may have reached Telnyx
    unsigned failures = 0;
    std::optional<time_point> retry_at; ///< not before

    bool operator==(const identity&) const = default;
};

/// A device with all identities that are not dead.
struct device {
    device_id id;
    bool entitled =
        true; ///< active, not removed, its person is a member somewhere, wants an identity of its own
    bool busy = false; ///< has a ringing or live leg: nothing is retired or rotated now (AND-09, MOB-12)
    time_point last_seen{};
    std::vector<identity> identities;

    bool operator==(const device&) const = default;
};

/// Lengths and limits; from config.
struct policy {
    millis life{30LL * 86'400'000};         ///< of a credential, at Telnyx too
    unsigned rotate_percent = 80;           ///< of its life, plus or minus 2 by the device's id
    millis overlap{72LL * 3'600'000};       ///< longest time that the old identity stays beside the new one
    millis silent_after{30LL * 86'400'000}; ///< without proof of life: suspended, retired
    millis call_reserve{
        5LL * 3'600'000
    }; ///< an identity that would lapse within this during a call is extended
    millis retry_first{1'000};
    millis retry_longest{300'000};
};

/// Something to do for a device.
struct add_identity {}; ///< a pending row; the first, or the next of a rotation
struct provision {      ///< make it at Telnyx and activate it
    identity_id who;
    bool look_up_first = false; ///< it may exist there already: find it by name and adopt it
};
struct retire { ///< a change of state; deleting follows
    identity_id who;
    retire_reason why = retire_reason::none;
};
struct erase { ///< delete at Telnyx, then dead
    identity_id who;
    bool look_up_first = false; ///< its id is unknown: find it by name
};
struct extend { ///< PATCH expires_at
    identity_id who;
    time_point until{};
};
struct suspend {}; ///< the device was silent for too long
using step = std::variant<add_identity, provision, retire, erase, extend, suspend>;

/// Everything to do now, in this order. Total; no step is offered before its identity's retry_at. Steps of
/// one decision do not depend on each other's outcome. With `busy` only provision of a first identity, extend
/// and the erasing of identities that no leg can be using are offered.
[[nodiscard]] std::vector<step> decide(const device& d, const policy& p, time_point now);

/// When decide() may say something new without an event; nullopt: never.
[[nodiscard]] std::optional<time_point> deadline(const device& d, const policy& p, time_point now);

/// When the identity is due for replacement: rotate_percent of its life, spread by the device's id.
[[nodiscard]] std::optional<time_point> rotation_due(const device& d, const identity& i, const policy& p);

/// Which identities a call dials now (BE-04, CRED-01): never an expired one. While a rotation is under way:
/// the old one until the device has been given the new one, both until it has proved it, then the new one.
[[nodiscard]] std::vector<identity_id> dialable(const device& d, time_point now);

} // namespace z360::credential
