// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a person dials on a device of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

struct dialed_number {
    std::string number;     ///< "+…"; of an emergency number its digits
    bool emergency = false; ///< it reaches help, in the country with the calling code
    bool operator==(const dialed_number&) const = default;
};

/// As people, browsers and SDKs write it: with or without "+", national in the country with `home_code` ("1",
/// "49"; empty: of no country), a tel or SIP URI. nullopt: no number.
[[nodiscard]] std::optional<dialed_number> read_dialed(std::string_view text, std::string_view home_code);

/// The caller pays more for it than for a call to that country: entertainment, information and shared-cost
/// numbers, networks of satellites and of no country. By public numbering plans; not complete, for none is.
[[nodiscard]] bool is_premium(std::string_view e164);

} // namespace z360::wire
