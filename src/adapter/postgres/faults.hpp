// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose fault it is that a statement failed.
#pragma once

#include <pqxx/pqxx>

#include <cstdint>
#include <string>
#include <string_view>

namespace z360::adapter::postgres {

enum class fault : std::uint8_t {
    server,  ///< overloaded, starting, failed over, its disk, a collision, a time limit: passes by itself
    session, ///< the same, and this connection is of no further use
    schema,  ///< tables or rights are not what this program expects: not migrated, or just being changed
    row,     ///< the values, or a rule about them (constraints, triggers): trying again cures nothing
    program, ///< anything else: a bug of ours
};

[[nodiscard]] fault fault_of(std::string_view sqlstate);
/// What libpqxx 6 keeps of the SQLSTATE, and what it only says by the type of its exception. May be empty.
[[nodiscard]] std::string sqlstate_of(const pqxx::failure& e);

/// An error's text on one line.
[[nodiscard]] std::string one_line(std::string text);

/// Says to a person at a terminal why a statement of theirs failed: throws port::unavailable when the
/// connection broke, schema_error, or std::runtime_error.
[[noreturn]] void raise_refused(const pqxx::failure& e);

} // namespace z360::adapter::postgres
