// SPDX-License-Identifier: LicenseRef-z360-proprietary
// On whose behalf something is read or written.
#pragma once

#include <z360/base/ids.hpp>

namespace z360::port {

/// What a request may see. Adapters run its statements under row-level security for this scope (I5), so that
/// a forgotten condition in a statement shows too little, never somebody else's rows.
///  - user set: this person's devices, and the organisations they belong to
///  - user and org set: this person within this organisation: their calls in it and the devices bound to it
///  - org set: this organisation, its members and their devices (an organisation's service or admin token)
///  - `everything`: the operator's own tokens and commands; row-level security does not apply
struct tenant_scope {
    user_id user;
    org_id org;
    bool everything = false;

    bool operator==(const tenant_scope&) const = default;
    [[nodiscard]] static tenant_scope of(user_id u) { return {u, {}, false}; }
    [[nodiscard]] static tenant_scope of(org_id o) { return {{}, o, false}; }
    /// `within` none: as of(u).
    [[nodiscard]] static tenant_scope of(user_id u, org_id within) { return {u, within, false}; }
    [[nodiscard]] static tenant_scope all() { return {{}, {}, true}; }
};

} // namespace z360::port
