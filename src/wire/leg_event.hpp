// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks as they should have come, made from what the carrier says of a leg. Every version of the program
// reads them as the webhooks that they stand for.
#pragma once

#include <z360/base/time.hpp>

#include <string>

namespace z360::wire {

struct leg_event {
    std::string event_id;
    std::string call_control_id;
    std::string call_session_id;
    std::string client_state; ///< as the carrier has it; may be empty
    time_point at{};
};

/// `call.hangup` with an unspecified cause.
[[nodiscard]] std::string hangup_body(const leg_event& e);
/// `call.initiated` of a leg that we dialed.
[[nodiscard]] std::string initiated_body(const leg_event& e);

} // namespace z360::wire
