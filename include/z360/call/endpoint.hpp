// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a leg of a call leads to.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/call/availability.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace z360::call {

/// One device that may ring. Only a device's own SIP identity can be named here (BE-36): there is no way to
/// put an organisation's shared credential or a bare connection user into a route.
struct target {
    device_id device;
    identity_id identity;
    std::string sip_username;           ///< Telnyx `gencred…`; dialed as sip:<user>@<sip domain>
    std::string device_name;            ///< for people, e.g. "Alice's iPhone"
    std::string platform;               ///< "ios", "android" or "web"
    user_id user = {};                  ///< whose device it is; none: of the one person who is called
    kept_out left_out = kept_out::none; ///< why it does not ring, though it could

    bool operator==(const target&) const = default;
};

/// A phone number in its one form, "+" and 7 to 15 digits.
struct e164 {
    std::string number;
    bool operator==(const e164&) const = default;
};

/// "sip:user@host".
struct sip_uri {
    std::string uri;
    bool operator==(const sip_uri&) const = default;
};

/// Somebody who shows neither: "withheld", or what came instead.
struct unnamed {
    std::string shown;
    bool operator==(const unnamed&) const = default;
};

using endpoint = std::variant<target, e164, sip_uri, unnamed>;

/// "identity", "e164", "sip_uri" or "unnamed": the same words in code and store.
[[nodiscard]] std::string_view kind_of(const endpoint& e);
/// Of a party in its canonical text: what text_of() gives back.
[[nodiscard]] endpoint endpoint_of(std::string party);
/// The number, the address, or what was shown; of a device the user of its identity.
[[nodiscard]] const std::string& text_of(const endpoint& e);

} // namespace z360::call
