// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The one place that knows what an answer of Telnyx means. The HTTP status decides first: some error codes
// are used with several meanings.
#pragma once

#include <z360/call/event.hpp>
#include <z360/http/client.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::telnyx {

enum class answer_class : std::uint8_t {
    done,      ///< carried out
    retry,     ///< certainly not carried out, worth another try
    ambiguous, ///< perhaps carried out: only the identical command may be sent again
    refused,   ///< not carried out and never will be
    peer_gone, ///< the addressed leg does not exist (any more)
    insist,    ///< not carried out, but it must be: asked again slowly, whatever the reason was
};
[[nodiscard]] std::string_view name(answer_class c);

/// Hang-up and reject: a leg that they do not reach stays alive and is paid for. No refusal ends them, only
/// success, the leg's own end, or the command's deadline.
[[nodiscard]] bool must_happen(call::verb v);

struct classified {
    answer_class what = answer_class::ambiguous;
    std::string code;  ///< Telnyx error code, "http_<status>", "no_answer" or "not_sent"; empty when done
    std::string title; ///< Telnyx's words, for the log
    std::string call_control_id; ///< of a successful dial
    std::string recording_id;    ///< of a success that says what is recorded from then on
    std::optional<millis> after; ///< the server asked for this pause
    bool server_fault = false;   ///< 5xx: worth one immediate resend
    bool unhealthy = false;      ///< counts against the endpoint's breaker
    bool key_rejected = false;   ///< 401: people must act (a 403 speaks of one request, not of the key)
    bool bridge_hiccup = false;  ///< a 422 on bridge that may pass: only a few retries
};

/// `now` stands in where an asked pause ends at a time of day and the reply has no Date. Pure.
[[nodiscard]] classified classify(call::verb verb, const http::client_response& reply, time_point now);

} // namespace z360::adapter::telnyx
