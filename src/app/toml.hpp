// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The part of TOML a settings file needs: [tables], bare and dotted keys, strings, integers, booleans and
// arrays of them. Anything else is refused with its line number. (CLI11's own reader cuts strings at '#',
// keeps escapes as they are and skips what it does not understand.)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace z360::app {

struct toml_entry {
    std::string key; ///< full name: table.key
    std::vector<std::string> values;
    bool list = false;
    unsigned line = 0;
};

struct toml_document {
    std::vector<toml_entry> entries;
    std::vector<std::string> problems; ///< "line 3: …; …", never quoting a value
};

[[nodiscard]] toml_document read_toml(std::string_view text);

} // namespace z360::app
