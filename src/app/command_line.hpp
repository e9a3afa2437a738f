// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The command line as given: which flags with which values, which command. Values are not checked here.
#pragma once

#include "app/options.hpp"

#include <map>
#include <string>
#include <vector>

namespace z360::app {

struct command_line {
    std::map<std::string, std::vector<std::string>> flags; ///< configuration keys
    std::string config_file;
    bool config_given = false;
    bool help = false;
    bool version = false;
    bool json = false;
    bool broken = false; ///< could not be read to the end; only `problems` counts
    command what = command::serve;
    command_arguments arguments;
    std::string help_text;             ///< when `help`
    std::vector<std::string> problems; ///< "--flag: …; …"
};

[[nodiscard]] command_line read_command_line(const std::vector<std::string>& arguments);

} // namespace z360::app
