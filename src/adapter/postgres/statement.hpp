// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Statements inside a transaction, and what Postgres's refusals mean to who sent the values.
#pragma once

#include "adapter/postgres/params.hpp"

#include <z360/base/time.hpp>
#include <z360/port/tenants.hpp>

#include <pqxx/pqxx>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::adapter::postgres {

/// Runs a prepared statement in `tx`. libpqxx prepares it once per connection, at first use.
template <class... Args>
pqxx::result ask(pqxx::work& tx, const char* name, const char* sql, Args&&... args) {
    tx.conn().prepare(name, sql);
    return tx.exec_prepared(name, std::forward<Args>(args)...);
}

/// From here to the end of the transaction with the rights of the login: what follows crosses tenants on
/// purpose (has this person another organisation?) and must name its rows by itself.
void become_owner(pqxx::work& tx);

/// A statement's refusal as a value: broken constraints and rows that row-level security hides. Others throw.
[[nodiscard]] std::optional<port::refusal> refusal_of(const pqxx::sql_error& e);

template <class T>
port::outcome_of<T> refused(port::refusal::why reason, std::string field, std::string text) {
    port::outcome_of<T> out;
    out.refused = port::refusal{reason, std::move(field), std::move(text)};
    return out;
}

/// `write()` gives an outcome_of; a refusal of the database becomes one too.
template <class F>
auto guarded(F write) -> decltype(write()) {
    try {
        return write();
    } catch (const pqxx::sql_error& e) {
        decltype(write()) out;
        out.refused = refusal_of(e);
        if (!out.refused) throw;
        return out;
    }
}

[[nodiscard]] inline std::int64_t ms(time_point t) {
    return t.time_since_epoch().count();
}
[[nodiscard]] inline time_point time_at(const pqxx::field& f) {
    return time_point{millis{f.as<std::int64_t>()}};
}
[[nodiscard]] inline std::optional<time_point> maybe_time_at(const pqxx::field& f) {
    if (f.is_null()) return std::nullopt;
    return time_at(f);
}
/// NULL for no key.
template <class Id>
[[nodiscard]] std::optional<std::string> key(Id id) {
    if (id.none()) return std::nullopt;
    return std::to_string(id.value);
}
[[nodiscard]] inline const char* or_null(const std::optional<std::string>& text) {
    return text ? text->c_str() : nullptr;
}

} // namespace z360::adapter::postgres
