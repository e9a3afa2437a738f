// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The schema's history: numbered SQL files, embedded in the binary, applied in order, never changed.
#pragma once

#include <z360/base/secret.hpp>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

struct migration {
    int version = 0;
    std::string_view name;
    std::string_view checksum; ///< SHA-256 of the file, hex
    std::string_view sql;
};

struct migrate_report {
    int version = 0;                  ///< newest version of the database now
    std::vector<std::string> applied; ///< by this run, e.g. "0001_init"
    std::vector<std::string> newer;   ///< known to the database only: a newer server has been here (no error)
};

/// The history cannot be continued; the text names the file and the fix.
class migrate_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The files of migrations/, oldest first.
[[nodiscard]] std::span<const migration> embedded_migrations();

/// Applies what is missing, each file in a transaction of its own; nodes that start together take turns.
/// Blocks. Throws migrate_error or port::unavailable.
migrate_report migrate(const secret& url, std::span<const migration> files = embedded_migrations());

/// Names of the files that the database lacks. Blocks; throws like migrate.
[[nodiscard]] std::vector<std::string>
pending_migrations(const secret& url, std::span<const migration> files = embedded_migrations());

} // namespace z360::adapter::postgres
