// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Scenario files: phones, faults, the unknowns and a list of calls, as JSON.
#pragma once

#include "sim/carrier.hpp"

#include <optional>
#include <string>
#include <vector>

namespace z360::sim {

class push_desk;

struct scripted_call {
    millis at{0}; ///< after the start of the scenario
    std::string from;
    std::string to;
    std::optional<millis> hangs_up_after;
};

struct scenario {
    std::map<std::string, phone> phones;
    std::optional<phone> default_phone;
    json faults = json::object(); ///< {"webhooks":[…],"commands":[…],"pushes":[…]}
    unknowns unknown;
    std::vector<scripted_call> calls;

    /// Throws std::invalid_argument that names what is wrong.
    [[nodiscard]] static scenario from_json(const json& j);
    [[nodiscard]] static scenario from_file(const std::string& path);
    /// Puts phones and faults into a carrier, and those of pushes into the push services. Throws
    /// std::invalid_argument: there are such, but no push services.
    void apply(carrier& c, time_point now, push_desk* pushes = nullptr) const;
};

/// Adds `{"webhooks":[…],"commands":[…],"pushes":[…]}`; all or none. Throws std::invalid_argument.
void add_faults(carrier& c, const json& faults, time_point now, push_desk* pushes = nullptr);

} // namespace z360::sim
