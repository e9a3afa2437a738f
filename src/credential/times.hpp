// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Arithmetic with instants that cannot overflow, and the instants of an identity's life. Private to
// src/credential.
#pragma once

#include <z360/credential/lifecycle.hpp>

namespace z360::credential {

/// Saturating, so that the rules are total for any row and any policy.
[[nodiscard]] time_point plus(time_point t, millis d);
[[nodiscard]] time_point minus(time_point t, millis d);

[[nodiscard]] inline bool expired(const identity& i, time_point now) {
    return i.expires_at && *i.expires_at <= now;
}

/// From then on a rotating identity has been kept long enough.
[[nodiscard]] time_point overlap_end(const identity& rotating, const policy& p);

} // namespace z360::credential
