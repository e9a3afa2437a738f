// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls in which a device has the caller, made by hand.
#pragma once

#include <z360/call/state.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace z360::testing {

/// A leg that a call begins with.
inline call::leg caller_leg(const call_id& call, std::string control_id, std::string number) {
    call::leg l;
    l.id = call::caller_leg_id(call);
    l.role = call::leg_role::caller;
    l.to = call::endpoint_of(std::move(number));
    l.dial = call::dial_status::accepted;
    l.initiated = true;
    l.call_control_id = std::move(control_id);
    return l;
}

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
