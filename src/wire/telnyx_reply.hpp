// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <string>
#include <string_view>

namespace z360::wire {

/// What we use of the body of Telnyx's answer to a command. Empty where there is none.
struct telnyx_reply {
    std::string call_control_id; ///< of a dial: the new leg
    /// What is recorded from now on. Documented for the answers to a dial and an answer that record; others
    /// may tell it too, and need not.
    std::string recording_id;
    std::string error_code;  ///< of the first error, e.g. "90018"
    std::string error_title; ///< for the log; may quote our own values, never the API key
};

/// Never throws but for lack of memory; whatever is not understood is empty.
[[nodiscard]] telnyx_reply parse_reply(std::string_view body);

} // namespace z360::wire
