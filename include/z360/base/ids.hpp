// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Identifiers. Each kind is a type of its own, so that an organisation can never be passed for a user.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace z360 {

/// A 128-bit UUID (RFC 9562). Value type; the all-zero UUID is "none".
struct uuid {
    std::uint64_t hi = 0;
    std::uint64_t lo = 0;

    auto operator<=>(const uuid&) const = default;
    [[nodiscard]] bool nil() const { return hi == 0 && lo == 0; }
    /// Canonical lower-case text, 36 characters.
    [[nodiscard]] std::string text() const;
    /// Accepts the canonical 36-character form in either case; anything else is nullopt.
    [[nodiscard]] static std::optional<uuid> parse(std::string_view text);
};

/// A UUID (version 8) that depends only on its inputs: the same parent and salt always give the same child,
/// so that a replay, another node or a restart names the same leg with the same id. Not a secret, not random.
[[nodiscard]] uuid derive_uuid(const uuid& parent, std::uint64_t salt);
/// The same from any text, e.g. a call session id that is not a UUID.
[[nodiscard]] uuid derive_uuid(std::string_view text);

/// Strong wrapper around a UUID.
template <class Tag>
struct uuid_id {
    uuid value;
    auto operator<=>(const uuid_id&) const = default;
    [[nodiscard]] bool nil() const { return value.nil(); }
    [[nodiscard]] std::string text() const { return value.text(); }
    [[nodiscard]] static std::optional<uuid_id> parse(std::string_view t) {
        auto u = uuid::parse(t);
        if (!u) return std::nullopt;
        return uuid_id{*u};
    }
};

/// Strong wrapper around a database key. 0 is "none"; real keys are positive.
template <class Tag>
struct int_id {
    std::int64_t value = 0;
    auto operator<=>(const int_id&) const = default;
    [[nodiscard]] bool none() const { return value == 0; }
};

using call_id =
    uuid_id<struct call_id_tag>; ///< One caller's call; equals the carrier's session id when that is a UUID.
using leg_id = uuid_id<struct leg_id_tag>; ///< One device leg; also the dial's command_id.
using org_id = int_id<struct org_id_tag>;
using user_id = int_id<struct user_id_tag>;
using device_id = int_id<struct device_id_tag>;     ///< Row of `devices`.
using identity_id = int_id<struct identity_id_tag>; ///< Row of `sip_identities`.
using phone_number_id = int_id<struct phone_number_id_tag>;

} // namespace z360

template <>
struct std::hash<z360::uuid> {
    std::size_t operator()(const z360::uuid& u) const noexcept {
        return u.hi ^ (u.lo * 0x9E3779B97F4A7C15ULL);
    }
};
template <class Tag>
struct std::hash<z360::uuid_id<Tag>> {
    std::size_t operator()(const z360::uuid_id<Tag>& u) const noexcept {
        return std::hash<z360::uuid>{}(u.value);
    }
};
