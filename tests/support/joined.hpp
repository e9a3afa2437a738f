// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls in which a device has the caller, made by hand.
#pragma once

#include <z360/call/state.hpp>

#include <cstddef>

namespace z360::testing {

/// The first claim is of this leg; nothing is known to have come of it yet.
inline call::join& join_leg(call::state& s, std::size_t leg) {
    call::join j;
    j.epoch = s.epoch = 1;
    j.a = call::caller_leg_id(s.id);
    j.b = s.legs.at(leg).id;
    s.joins = {j};
    return s.joins.back();
}

} // namespace z360::testing
