// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Validation of what our server sends, by rules written from Telnyx's documentation, independently of the
// code that builds those requests.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

using json = nlohmann::json;

/// One thing wrong with a request.
struct complaint {
    std::string code; ///< Telnyx's error code, e.g. "10004"
    std::string pointer;
    std::string detail;
    bool fatal = true; ///< false: Telnyx lets it pass (an unknown field), we still want to know
};

/// Everything wrong with the body of `verb` (dial, answer, bridge, …). Pure.
[[nodiscard]] std::vector<complaint> check_request(std::string_view verb, const json& body);
/// The same for create_credential and update_credential.
[[nodiscard]] std::vector<complaint> check_credential_request(std::string_view verb, const json& body);
/// One of the requests about telephony credentials?
[[nodiscard]] bool is_credential_verb(std::string_view verb);
/// Date and time as the carrier takes it: ISO 8601, UTC where no zone is given.
[[nodiscard]] std::optional<time_point> read_time(std::string_view text);
/// Is `verb` one this simulator plays?
[[nodiscard]] bool known_verb(std::string_view verb);

/// Everything wrong with the query of get_call, active_calls, call_events or webhook_deliveries; `fields` are
/// its decoded names and values.
[[nodiscard]] std::vector<complaint>
check_question(std::string_view verb, const std::map<std::string, std::string, std::less<>>& fields);

/// Telnyx's error envelope. `title` empty: the usual one of that code.
[[nodiscard]] json error_body(std::string_view code, std::string_view detail, std::string_view pointer = {});
/// The code usually seen with an HTTP status, e.g. 500 → "10007".
[[nodiscard]] std::string_view code_of_status(int status);

[[nodiscard]] bool is_e164(std::string_view text);
/// A number without the keys that `+18004247767,200` asks to be pressed after the answer.
[[nodiscard]] std::string without_digits(std::string_view to);
/// One that is dialed as it is: 911, 933 (the carrier's test of it), 112 …
[[nodiscard]] bool is_emergency_number(std::string_view text);
/// The user part of `sip:user@host[;params]`, nullopt if it is no SIP URI.
[[nodiscard]] std::optional<std::string> sip_user(std::string_view uri);
/// A SIP address of the carrier's own host, where credentials are; others lead elsewhere.
[[nodiscard]] bool is_own_address(std::string_view uri);
/// Standard base64 with padding; empty text counts.
[[nodiscard]] bool is_base64(std::string_view text);

} // namespace z360::sim
