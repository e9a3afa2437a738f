// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What an answer of Telnyx to a request about a credential means. Pure.
#pragma once

#include <z360/http/client.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::telnyx {

enum class credential_verb : std::uint8_t { create, find, get, extend, remove, list, mint };
[[nodiscard]] std::string_view name(credential_verb v);

struct judged {
    port::credential_outcome outcome = port::credential_outcome::unknown;
    std::string code;  ///< Telnyx's, "http_<status>", "no_answer" or "not_sent"; empty when done
    std::string title; ///< Telnyx's words, for the log
    std::optional<millis> after;
    bool unhealthy = false;    ///< counts against the breaker
    bool key_rejected = false; ///< people must act
};

/// `now` as in classify(). `done` says nothing about the body: that is for whoever needs something out of it.
[[nodiscard]] judged judge(credential_verb v, const http::client_response& reply, time_point now);

/// What an unusable answer of success comes to: perhaps something was made, or it is worth another question.
[[nodiscard]] port::credential_outcome uncertain(credential_verb v);

} // namespace z360::adapter::telnyx
