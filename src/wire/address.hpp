// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The parts of an address as carriers write it: a number, a SIP or tel URI, with or without a name in front.
// Private to src/wire.
#pragma once

#include <string>
#include <string_view>

namespace z360::wire {

struct address {
    bool sip = false;    ///< it has a host, or says that it is a SIP URI
    std::string user;    ///< decoded, without parameters and password; all of it where there is no host
    std::string host;    ///< lower case, without port and parameters
    std::string context; ///< phone-context, where it is a global prefix ("+1312")
    std::string name;    ///< the name in front of <…>, without quotes
};

/// Never fails: what is no address is a user without a host.
[[nodiscard]] address read_address(std::string_view text);

} // namespace z360::wire
