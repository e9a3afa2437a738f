// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Values on their way into statements.
#pragma once

#include <pqxx/pqxx>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::postgres {

/// Text that Postgres accepts: without NUL, valid UTF-8. Both come from outside and would make a whole batch
/// fail.
[[nodiscard]] std::string storable(std::string_view text);

/// One-dimensional arrays in Postgres's binary form: nothing to quote, bodies travel as they are. The
/// parameter must be cast to text[] or bytea[] in the statement.
[[nodiscard]] pqxx::binarystring text_array(const std::vector<std::string>& items);
[[nodiscard]] pqxx::binarystring bytea_array(const std::vector<std::string_view>& items);

/// Runs a prepared statement by itself: one round trip, committed when it returns. libpqxx prepares it once
/// per connection, at first use.
template <class... Args>
pqxx::result exec_once(pqxx::connection_base& db, const char* name, const char* sql, Args&&... args) {
    db.prepare(name, sql);
    pqxx::nontransaction tx(db);
    return tx.exec_prepared(name, std::forward<Args>(args)...);
}

} // namespace z360::adapter::postgres
