// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/postgres/faults.hpp"

#include "adapter/postgres/schema_error.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace z360::adapter::postgres {
namespace {

template <std::size_t N>
bool one_of(std::string_view state, const std::array<std::string_view, N>& beginnings) {
    return std::any_of(beginnings.begin(), beginnings.end(), [state](std::string_view b) {
        return state.starts_with(b);
    });
}

// 25: the session's transaction is in a state we never asked for, read-only after a failover (25006) for
// instance. 26 and 0A000: its prepared statements are gone, or their tables have changed under them.
constexpr std::array<std::string_view, 5> k_session{"08", "57P", "25", "26", "0A000"};
// 40: somebody was faster; 55: somebody holds what we need; 58, XX: the machine below it.
constexpr std::array<std::string_view, 6> k_server{"40", "53", "55", "57", "58", "XX"};
// Objects, columns, functions or rights that are missing, and a key that ON CONFLICT does not find.
constexpr std::array<std::string_view, 7> k_schema{"42P01", "42501", "42703", "42704",
                                                   "42883", "42P10", "3F000"};
// P0: raised by a trigger.
constexpr std::array<std::string_view, 4> k_row{"22", "23", "54", "P0"};

} // namespace

fault fault_of(std::string_view sqlstate) {
    if (one_of(sqlstate, k_session)) return fault::session;
    if (one_of(sqlstate, k_server)) return fault::server;
    if (one_of(sqlstate, k_schema)) return fault::schema;
    if (one_of(sqlstate, k_row)) return fault::row;
    return fault::program;
}

std::string sqlstate_of(const pqxx::failure& e) {
    if (const auto* sql = dynamic_cast<const pqxx::sql_error*>(&e);
        sql != nullptr && !sql->sqlstate().empty())
        return sql->sqlstate();
    if (dynamic_cast<const pqxx::insufficient_privilege*>(&e) != nullptr) return "42501";
    if (dynamic_cast<const pqxx::serialization_failure*>(&e) != nullptr) return "40001";
    if (dynamic_cast<const pqxx::deadlock_detected*>(&e) != nullptr) return "40P01";
    if (dynamic_cast<const pqxx::statement_completion_unknown*>(&e) != nullptr) return "40003";
    if (dynamic_cast<const pqxx::transaction_rollback*>(&e) != nullptr) return "40000";
    if (dynamic_cast<const pqxx::too_many_connections*>(&e) != nullptr) return "53300";
    if (dynamic_cast<const pqxx::broken_connection*>(&e) != nullptr) return "08006";
    if (dynamic_cast<const pqxx::in_doubt_error*>(&e) != nullptr) return "08007";
    return {};
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    while (!text.empty() && text.back() == ' ')
        text.pop_back();
    return text;
}

void raise_refused(const pqxx::failure& e) {
    const auto said = one_line(e.what());
    if (dynamic_cast<const pqxx::broken_connection*>(&e) != nullptr)
        throw port::unavailable("postgres: " + said);
    if (fault_of(sqlstate_of(e)) == fault::schema) throw schema_error(said);
    throw std::runtime_error("the database refused: " + said);
}

} // namespace z360::adapter::postgres
