// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A settings file, read by toml++: tables, strings, integers, booleans and arrays of them. Whatever else TOML
// has is refused with its line number, like broken lines, of which all are told at once, not the first alone.
// (CLI11's own reader cuts strings at '#', keeps escapes as they are and skips what it does not understand.)
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
