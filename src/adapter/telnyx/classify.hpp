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
};
[[nodiscard]] std::string_view name(answer_class c);

struct classified {
    answer_class what = answer_class::ambiguous;
    std::string code;  ///< Telnyx error code, "http_<status>", "no_answer" or "not_sent"; empty when done
    std::string title; ///< Telnyx's words, for the log
    std::string call_control_id; ///< of a successful dial
    std::optional<millis> after; ///< the server asked for this pause
    bool server_fault = false;   ///< 5xx: worth one immediate resend
    bool unhealthy = false;      ///< counts against the endpoint's breaker
    bool key_rejected = false;   ///< 401 or 403: people must act
    bool bridge_hiccup = false;  ///< a 422 on bridge that may pass: only a few retries
};

/// The longest pause that the server asks for with x-ratelimit-reset, retry-after or retry-after-ms, at most
/// a minute; nullopt: none. Dates are not read.
[[nodiscard]] std::optional<millis> asked_pause(const http::headers& headers);

[[nodiscard]] classified classify(call::verb verb, const http::client_response& reply);

} // namespace z360::adapter::telnyx
