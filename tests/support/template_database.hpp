// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Databases with the newest schema, made by copying one.
#pragma once

#include <string>

namespace z360::testing {

/// The same server as `url`'s, another database.
[[nodiscard]] std::string url_of(const std::string& url, const std::string& database);

/// Makes a database with all migrations applied, as another installation than every other one. The first one
/// to ask a server migrates a template, which the others copy: that takes a tenth of the time. Blocks; may be
/// asked by several processes at once. Throws what libpqxx and the migrations throw.
void create_migrated(const std::string& url, const std::string& database);

} // namespace z360::testing
