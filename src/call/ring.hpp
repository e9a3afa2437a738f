// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Rings: whom they dial, who answered first, and their end. Private to src/call.
#pragma once

#include "call/component.hpp"

namespace z360::call::rings {

extern const component k_component;

/// A further one, which is the current one from now on. The one before must be over.
void open(state& s, time_point now);
/// The current one rings every target, each identity once.
void dial(state& s, effects& out, const std::vector<target>& whom, time_point now);
/// Legs that the current ring may dial. They are the same in every decision about the same call, so that a
/// replay and another node name them alike. `place`: 0 for the person's own number, else the how-maniest of a
/// plan.
[[nodiscard]] leg device_leg(const state& s, const target& to);
[[nodiscard]] leg number_leg(const state& s, e164 number, std::size_t ring, std::size_t place = 0);
/// The same to a program, of a plan.
[[nodiscard]] leg agent_leg(const state& s, sip_uri agent, std::size_t ring, std::size_t place);
[[nodiscard]] command dial_command(const state& s, const leg& to, time_point now);
/// It has a leg to this identity.
[[nodiscard]] bool has_leg_to(const state& s, identity_id who);
/// The leg to the person's number, which another copy of this call has dialed and this one has not. Null: it
/// is none such.
leg* number_met(state& s, const leg_id& id);
/// It rings this number as well, for `at_least` so long. Once a ring.
void dial_number(state& s, effects& out, e164 number, millis at_least, time_point now);
/// The current one does not ring the person's number, if there is one. Another copy of this call may have
/// dialed it all the same: that leg is let go when it turns up.
void spare_number(state& s);
/// The current one is over.
void end(state& s, ring_end why, time_point now);
/// It rings, and a dial that is issued now can still be sent.
[[nodiscard]] bool may_dial(const state& s, time_point now);
/// A leg for each of the device's targets; they are dialed when the ring settles.
void let_in(state& s, const std::vector<target>& at, device_id device, time_point now);
/// It goes on without a winner who could not be joined, if there is time.
void resume(state& s, time_point now);
/// It is over, and nobody has the caller.
[[nodiscard]] bool in_vain(const ring& r);

} // namespace z360::call::rings
