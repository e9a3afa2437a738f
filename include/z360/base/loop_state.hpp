// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <chrono>
#include <string>

namespace z360 {

/// How a background loop does. `late` is what /readyz asks for: the loop hangs, or every round of it fails.
struct loop_state {
    std::string name;
    bool late = false;
    unsigned failures = 0;  ///< rounds in a row that threw
    std::string last_error; ///< of the last round that threw; empty once a round has succeeded
    std::chrono::milliseconds since_good{0}; ///< since a round succeeded last, or since the start
};

} // namespace z360
