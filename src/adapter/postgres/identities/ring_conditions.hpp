// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which devices of a person ring, condition by condition: the directory asks for all of them, whoever
// explains a call asks for each. There is no second list that could say something else. Private to
// src/adapter/postgres.
#pragma once

#include "adapter/postgres/identities/identity_rows.hpp"

namespace z360::adapter::postgres {

// X(what the lack of it is, condition), of `devices d` and the organisation ORG, in the order in which they
// are told. Membership and every suspension are looked at with each call (D7): who has just left is not rung.
#define Z360_RING_CONDITIONS(X, ORG)                                                                         \
    X(person_suspended, "exists (select from users u where u.user_id = d.user_id and u.status = 'active')")  \
    X(no_member, "exists (select from memberships m where m.org_id = " ORG " and m.user_id = d.user_id)")    \
    X(removed, "d.status <> 'removed'")                                                                      \
    X(silent, "not (d.status = 'suspended' and d.status_reason = 'silent')")                                 \
    X(suspended, "d.status = 'active'")                                                                      \
    X(other_organisation, "(d.bound_org_id is null or d.bound_org_id = " ORG ")")                            \
    X(given_up,                                                                                              \
      "not exists (select from device_exclusions x where x.device_id = d.device_id and x.org_id = " ORG ")") \
    X(pushes_only, "d.wants_identity")                                                                       \
    X(native_app, "not " Z360_NATIVE_HANDLES_CALLS)

// The same of who has not been heard of for LIFE ms at NOW. A device that asks has just shown that it lives.
#define Z360_SHOWS_LIFE(NOW, LIFE) "d.last_seen_at >= z360_at(" NOW "::bigint - " LIFE "::bigint)"

} // namespace z360::adapter::postgres
