// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a device could be dialed at some time in the past, from what its rows say today. Pure.
#pragma once

#include <z360/base/time.hpp>
#include <z360/credential/lifecycle.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace z360::credential {

/// The life of one identity, dead ones included.
struct identity_life {
    identity_state now_in = identity_state::pending;
    time_point created_at{};
    std::optional<time_point> activated_at; ///< nullopt: never, or unknown of one that is or was in use
    std::optional<time_point> expires_at;
    std::optional<time_point> retired_at;
};

/// What a device had to be dialed by.
enum class standing : std::uint8_t {
    usable,  ///< one that could be dialed; of now, exactly when dialable() names one
    none,    ///< no identity at all
    pending, ///< one was being made
    expired, ///< its life at Telnyx was over
    retired, ///< taken back
};
inline constexpr int k_standing_count = 5;
[[nodiscard]] std::string_view name(standing s);

/// At the time `at`, which is not later than now. Of several the one that explains most: an identity that
/// could be used before one that was expired, pending, retired.
[[nodiscard]] standing standing_at(std::span<const identity_life> all, time_point at);

} // namespace z360::credential
