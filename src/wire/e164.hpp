// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// The E.164 form of a phone number as carriers and people write it: "+1 (555) 010-0001", "15550100001",
/// "0015550100001", "sip:+15550100001@host;user=phone", "sip:%2B15550100001@host", "+15550100001@host:5060",
/// "tel:+1-555-010-0001". Digits without a plus are international when they are long enough to be (eleven and
/// more, with a calling code that exists); fewer belong to the country with `home_code` ("1", "44", see
/// calling_code), or to none: no country is ever guessed. nullopt: not a number.
[[nodiscard]] std::optional<std::string> to_e164(std::string_view text, std::string_view home_code = {});

/// Something is dialed after the number has answered: ";ext=", ";isub=" or ";postd=" of a tel or SIP address.
/// No E.164 form holds it.
[[nodiscard]] bool has_extension(std::string_view text);

/// "+" and 1 to 15 digits: a whole number or the beginning of some, "+49".
[[nodiscard]] bool is_beginning(std::string_view text);

} // namespace z360::wire
