// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// The E.164 form of a phone number as carriers and people write it: "+1 (555) 010-0001", "15550100001",
/// "0015550100001", "sip:+15550100001@host;user=phone", "tel:+1-555-010-0001". Digits without a plus are
/// taken as already international: no country is ever guessed. nullopt: not a number.
[[nodiscard]] std::optional<std::string> to_e164(std::string_view text);

} // namespace z360::wire
