// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The address of an organisation's agent: a SIP URI that the carrier dials for us.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// "sip:user@host[:port]" or "sips:…", with `transport` and `secure` as its only parameters, at most 250
/// characters. As it is dialed: all but the user in lower case. nullopt: it is none, it has a password or
/// headers in it, or it leads to the carrier itself, where devices of anybody could be rung by it (BE-36).
[[nodiscard]] std::optional<std::string> read_agent_uri(std::string_view text);

} // namespace z360::wire
