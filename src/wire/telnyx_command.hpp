// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The core's commands as Telnyx's HTTP requests. Equal commands give equal bytes: a resend must be identical.
#pragma once

#include <z360/call/effect.hpp>

#include <string>
#include <string_view>

namespace z360::wire {

struct command_settings {
    std::string connection_id;                 ///< call control application that dials
    std::string sip_domain = "sip.telnyx.com"; ///< devices are sip:<user>@<sip_domain>
    std::string webhook_url;                   ///< sent with each dial when not empty
};

struct telnyx_request {
    std::string method;
    std::string path; ///< below the base URL, percent-encoded, e.g. "/calls/v3%3Aabc/actions/answer"
    std::string body; ///< JSON
};

/// What is found out about a command when it is sent, and stands in no store.
struct command_marks {
    std::string client_state;
    std::string reference;         ///< of a dial to an agent: by which it may ask who calls
    std::string target_state = {}; ///< of a transfer: the new leg's mark
};

/// `client_state` goes into what takes one: dial, answer, speak, playback_start, record_start, transfer. An
/// action without one leaves the leg's as it is.
[[nodiscard]] telnyx_request
build_request(const call::command& cmd, const command_settings& settings, const command_marks& marks);

/// Everything but letters, digits and `-._~` as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

} // namespace z360::wire
