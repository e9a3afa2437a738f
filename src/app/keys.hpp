// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Every configuration key, once: its name, meaning, check, and where it goes in z360::config. Flags,
// environment variables, the file's keys, --help and --check-config all come from this table.
#pragma once

#include <z360/config.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::app {

enum class key_kind {
    plain,
    list,       ///< may be given several times, or comma separated
    secret,     ///< only from the environment or from the file named by `<name>_file`
    secret_url, ///< as secret, but may be given anywhere while it holds no password
};

struct key_spec {
    std::string name;
    std::string help; ///< one sentence; default, unit and range are added to it
    std::string range;
    key_kind kind = key_kind::plain;
    bool boolean = false; ///< as a flag the value may be left out: true
    /// Checks and stores. Returns "what is wrong; what to do", empty when all is well.
    std::function<std::string(config&, const std::string& value)> set;
    /// The value as it would be written in the file, without quotes. Not called for secrets.
    std::function<std::string(const config&)> show;
    /// Whether `show` is to be quoted in a file.
    bool quoted = true;
    /// Only for secrets.
    std::function<bool(const config&)> is_set = nullptr;

    [[nodiscard]] bool is_secret() const { return kind == key_kind::secret || kind == key_kind::secret_url; }
};

/// All keys, grouped by table, in the order of the example file.
[[nodiscard]] const std::vector<key_spec>& keys();
/// nullptr: no such key. (`<secret>_file` is not in the table.)
[[nodiscard]] const key_spec* find_key(std::string_view name);
/// Names as they may be written: those of the table and `<secret>_file`.
[[nodiscard]] std::vector<std::string> key_names();
/// Z360_HTTP_PORT for http.port.
[[nodiscard]] std::string environment_name(std::string_view key);

} // namespace z360::app
