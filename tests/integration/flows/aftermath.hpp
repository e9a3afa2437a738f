// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What must be true of a call after a disturbance, once everything has calmed down: carrier and rows agree.
#pragma once

#include "support/rig.hpp"

#include <string>

namespace z360::testing {

/// Waits until the call's rows tell what the carrier knows: every webhook accepted by us is processed, no
/// command is left over, every leg and the phase match. "" or what is still wrong at the limit.
[[nodiscard]] std::string aftermath(rig& r, const std::string& session, millis limit = 15s);

/// Somebody calls, is joined to a phone that answers, and hangs up; nothing is left of it. The session.
[[nodiscard]] std::string answered_and_ended(rig& r);

/// The first live device leg of this SIP user in the session; "" when there is none.
[[nodiscard]] std::string leg_of(rig& r, const std::string& session, const std::string& user);

/// The person at this device picks up; false: it does not ring.
[[nodiscard]] bool answer(rig& r, const std::string& session, int device);

/// A command of this verb has reached the carrier, whatever came of it.
[[nodiscard]] bool attempted(rig& r, const std::string& verb, const std::string& session, millis limit = 5s);

/// From the answer of the device that was joined to the bridge command.
[[nodiscard]] millis answer_to_bridge(rig& r, const std::string& session);

} // namespace z360::testing
