// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every command and every argument of commands, once: --help and the checks come from these tables.
#pragma once

#include "app/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace z360::app {

struct command_flag {
    std::string_view flag;
    std::string_view help;
    /// Stores the value. Returns "what is wrong; what to do", empty when all is well.
    std::string (*set)(command_arguments&, const std::string&);
    bool valueless = false; ///< the flag alone says it
};

struct command_spec {
    std::string_view flag;
    command what;
    std::string_view value; ///< placeholder of the command's own value; empty: takes none
    std::string_view help;
    std::vector<std::string_view> required;
    std::vector<std::string_view> optional;
};

[[nodiscard]] const std::vector<command_flag>& command_flags();
[[nodiscard]] const std::vector<command_spec>& commands();
/// Problems of the command's own value and of arguments that go together, one line each.
[[nodiscard]] std::vector<std::string> check_subject(const command_spec& chosen, command_arguments& a);

} // namespace z360::app
