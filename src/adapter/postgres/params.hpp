// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Values on their way into statements.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <pqxx/pqxx>

#include <cstdint>
#include <optional>
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

/// Keys for a parameter that is cast to bigint[].
template <class Tag>
[[nodiscard]] std::string key_array(const std::vector<int_id<Tag>>& keys) {
    std::string out = "{";
    for (const auto& k : keys) {
        if (out.size() > 1) out += ',';
        out += std::to_string(k.value);
    }
    return out + "}";
}

/// Milliseconds for z360_at().
[[nodiscard]] inline std::int64_t in_ms(time_point t) {
    return t.time_since_epoch().count();
}
/// The same for z360_at(nullif(…, '')::bigint).
[[nodiscard]] inline std::string ms_or_empty(const std::optional<time_point>& t) {
    return t ? std::to_string(in_ms(*t)) : std::string();
}
/// A column made with z360_ms() that is never NULL.
[[nodiscard]] inline time_point time_at(const pqxx::field& f) {
    return time_point{millis{f.as<std::int64_t>()}};
}
[[nodiscard]] inline std::optional<time_point> time_or_null(const pqxx::field& f) {
    if (f.is_null()) return std::nullopt;
    return time_at(f);
}

[[nodiscard]] inline uuid uuid_of(const pqxx::field& f) {
    return uuid::parse(f.c_str()).value_or(uuid{});
}

/// NULL for no key.
template <class Tag>
[[nodiscard]] std::optional<std::string> key_or_null(int_id<Tag> id) {
    if (id.none()) return std::nullopt;
    return std::to_string(id.value);
}
[[nodiscard]] inline const char* or_null(const std::optional<std::string>& text) {
    return text ? text->c_str() : nullptr;
}

/// A bytea column as bytes; NULL is empty.
[[nodiscard]] inline std::string bytes_of(const pqxx::field& f) {
    return f.is_null() ? std::string() : pqxx::binarystring(f).str();
}

/// Runs a prepared statement in a transaction. libpqxx prepares it once per connection, at first use.
template <class... Args>
pqxx::result exec_in(pqxx::transaction_base& tx, const char* name, const char* sql, Args&&... args) {
    tx.conn().prepare(name, sql);
    return tx.exec_prepared(name, std::forward<Args>(args)...);
}

/// Runs a prepared statement by itself: one round trip, committed when it returns. libpqxx prepares it once
/// per connection, at first use.
template <class... Args>
pqxx::result exec_once(pqxx::connection_base& db, const char* name, const char* sql, Args&&... args) {
    db.prepare(name, sql);
    pqxx::nontransaction tx(db);
    return tx.exec_prepared(name, std::forward<Args>(args)...);
}

} // namespace z360::adapter::postgres
