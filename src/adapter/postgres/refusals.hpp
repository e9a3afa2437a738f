// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What Postgres's refusals mean to whoever sent the values.
#pragma once

#include <z360/port/tenants.hpp>

#include <pqxx/pqxx>

#include <optional>
#include <string>
#include <utility>

namespace z360::adapter::postgres {

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

} // namespace z360::adapter::postgres
