// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call that one of our devices places, before anything is dialed for it.
#pragma once

#include <z360/base/time.hpp>
#include <z360/call/endpoint.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace z360::call {

/// Why a call that a device places is not carried out.
enum class placing_rule : std::uint8_t {
    none,                  ///< it is
    unknown_device,        ///< whoever calls has no identity of ours that may be used
    not_a_member,          ///< the person may not call for the organisation that they name, or for any
    number_malformed,      ///< what they dialed is no number
    caller_id_not_yours,   ///< they want to be shown as a number that is not their organisation's
    no_caller_id,          ///< the organisation has no number to be shown as
    switched_off,          ///< the organisation, or this server, places no calls
    destination_forbidden, ///< the organisation does not call there
    destination_blocked,   ///< it blocks that very number
    in_a_call,             ///< the device talks already
    too_many_calls,        ///< as many as the organisation, or this person, may have at once
    too_often,             ///< more in a minute than they may
};
inline constexpr int k_placing_rule_count = 12;
[[nodiscard]] std::string_view name(placing_rule r);

/// What our own rows say of it.
struct placed {
    target by;      ///< the device, by the identity that it called with
    std::string to; ///< "+…", or an emergency number as it was dialed; empty: no number could be made of it
    bool emergency = false; ///< no rule but `unknown_device` keeps it
    placing_rule refused = placing_rule::none;
    std::string said; ///< to the person, if it is refused; empty: nothing is
    /// From the order until whom they call has answered; 5 s … 600 s.
    millis ring_time{60'000};

    bool operator==(const placed&) const = default;
};

} // namespace z360::call
