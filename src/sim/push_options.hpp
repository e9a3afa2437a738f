// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What z360-sim is told of push services on its command line.
#pragma once

#include "sim/push_desk.hpp"
#include "sim/push_settings.hpp"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace z360::sim {

class simulator;

struct push_options {
    bool serve = false;
    push_services_settings services;
    std::string ca_file; ///< the authority is written here
    std::string apns_key_file;
    std::string apns_key_id;
    std::string apns_team_id;
    std::vector<std::string> bundle_ids;
    std::string fcm_account_file;
    bool any_token = false;

    void define(CLI::App& app);
    /// What the simulator is made with. Throws std::invalid_argument that names what does not fit together.
    [[nodiscard]] std::optional<push_services_settings> settings(const std::string& address);
    /// Keys and accounts, once it runs. Throws std::invalid_argument, std::runtime_error.
    void prepare(simulator& sim) const;
    /// One line: where everything is. Empty: nothing is served.
    [[nodiscard]] std::string addresses(const simulator& sim) const;
};

} // namespace z360::sim
