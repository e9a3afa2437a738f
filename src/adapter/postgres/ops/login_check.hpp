// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whether a login can serve, before it has to.
#pragma once

#include <z360/base/secret.hpp>

#include <string>
#include <vector>

namespace z360::adapter::postgres {

struct login_report {
    std::string server;                ///< version, e.g. "15.14"
    std::vector<std::string> problems; ///< what keeps it from serving, each with the fix
    std::vector<std::string> notes;    ///< what --migrate puts right
};

/// Asks the server about its version, the schema and the right to act as z360_tenant, which from Postgres 16
/// on may be missing from a membership. Changes nothing. Blocks. Throws port::unavailable.
[[nodiscard]] login_report check_login(const secret& url);

/// What a superuser runs so that `login` may act as z360_tenant on a server of this version
/// (server_version_num).
[[nodiscard]] std::string grant_of_tenant_role(const std::string& login, int version);

} // namespace z360::adapter::postgres
