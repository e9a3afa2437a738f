// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which of a device's tokens a push goes to. Pure.
#pragma once

#include <z360/base/time.hpp>
#include <z360/push/kind.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

namespace z360::push {

/// A token of a device, as far as choosing needs it.
struct token_ref {
    token_kind is = token_kind::fcm_token;
    time_point registered_at{};
    bool dead = false;                      ///< the provider said so
    environment env = environment::unknown; ///< of APNs
    bool operator==(const token_ref&) const = default;
};

/// The token that such a push goes to; nullopt: the device has none for it. Of several of one kind the one
/// registered last. `except`: kinds that have been tried in vain, which is how a fallback is found: a PushKit
/// push that cannot be delivered becomes an alert.
[[nodiscard]] std::optional<std::size_t>
token_for(kind k, std::span<const token_ref> tokens, std::initializer_list<token_kind> except = {});

/// What a provider refused a push to a token for, so that it is not tried there again.
enum class refusal : std::uint8_t {
    dead_token, ///< it is no more
    request,    ///< wrong by us for that token: its topic, its app
    credential, ///< wrong by us for all that is sent with our key there
};
/// Whether the device's `other` token, of whatever kind, is worth a try once `refused` was refused for that
/// (BE-14, BE-46): where the same service would be shown the same credential it is not.
[[nodiscard]] bool worth_a_try(refusal why, const token_ref& refused, const token_ref& other);

} // namespace z360::push
