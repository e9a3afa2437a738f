// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The schema's history: numbered SQL files, embedded in the binary, applied in order, never changed.
#pragma once

#include "adapter/postgres/postgres.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
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
    std::size_t mended = 0; ///< calls of a dump of another server whose positions lay ahead of this one's
};

/// The history cannot be continued; the text names the file and the fix.
class migrate_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The files of migrations/, oldest first.
[[nodiscard]] std::span<const migration> embedded_migrations();

/// How long a migration waits, and lets others wait.
struct migrate_patience {
    /// For one lock: whoever comes after us waits behind us for as long.
    millis lock{500};
    millis pause{500};        ///< before the first repetition; doubles up to 4 s
    millis all_tries{60'000}; ///< of one file
    millis beside{900'000};   ///< for transactions under way, where nobody waits behind us
    millis others{1'800'000}; ///< for another node's migration
};

/// Applies what is missing, each file in a transaction of its own, or, where it holds the line k_outside,
/// statement by statement: such a file must bear being repeated. A lock that somebody holds is asked for
/// again and again, each time briefly. Nodes that start together take turns. Blocks. Throws migrate_error or
/// port::unavailable.
migrate_report migrate(
    const secret& url, std::span<const migration> files = embedded_migrations(),
    const migrate_patience& patience = {}
);
inline constexpr std::string_view k_outside = "-- migrate: outside a transaction\n";

/// The statements of a file: each ends with a semicolon at the end of a line, outside of $$ … $$. Comments
/// that stand alone are left out.
[[nodiscard]] std::vector<std::string> statements_of(std::string_view sql);

/// What the database's schema is to this program.
struct schema_state {
    enum class kind : std::uint8_t {
        current,
        missing,  ///< nothing of ours is there
        older,    ///< migrations are missing
        newer,    ///< a newer program has migrated; migrations only add, so this one goes on working
        diverged, ///< a migration was changed after it had been applied, or slipped in before one
    } what = kind::missing;
    std::string detail; ///< what and the fix, for people; empty: current

    /// This program can work with it.
    [[nodiscard]] bool usable() const { return what == kind::current || what == kind::newer; }
};
[[nodiscard]] std::string_view name(schema_state::kind k);

/// Looks at the schema. Throws port::unavailable, or statement_error when the history cannot be read. On the
/// loop's thread.
[[nodiscard]] boost::asio::awaitable<schema_state>
look_at_schema(database& db, std::span<const migration> files = embedded_migrations());

/// Names of the files that the database lacks. Blocks; throws like migrate.
[[nodiscard]] std::vector<std::string>
pending_migrations(const secret& url, std::span<const migration> files = embedded_migrations());

} // namespace z360::adapter::postgres
