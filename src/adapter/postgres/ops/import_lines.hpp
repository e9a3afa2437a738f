// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One line of an export of the old tables, validated.
#pragma once

#include "adapter/postgres/ops/import.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

inline constexpr const char* k_device_table = "user_device_tokens";
inline constexpr const char* k_credential_table = "user_telnyx_telephony_credentials";

struct old_row {
    bool of_device = true; ///< false: an organisation's credential
    std::int64_t id = 0, user = 0;
    std::int64_t org = 0; ///< 0: none
    std::string device_uid, platform, app_version, name;
    secret push; ///< empty: none, or a web placeholder
    bool voip = false;
    std::string credential_id; ///< empty: none, or 'failed' (CRED-03)
    std::string sip_username, connection_id;
    secret sip_password;
    std::optional<time_point> last_active, created, updated, expires;
};

/// What a bad line calls its credential, by id and SIP username, as far as can be told: it may be in use.
[[nodiscard]] std::vector<std::string> names_of_bad_line(std::string_view line);

/// nullopt: the line is bad; `problems` says in which fields, all at once.
[[nodiscard]] std::optional<old_row>
read_old_row(std::string_view line, std::size_t number, std::vector<import_problem>& problems);

} // namespace z360::adapter::postgres
