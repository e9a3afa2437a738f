// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call with what replies add to it, read the same way for clients and for operators' commands. Private to
// src/adapter/postgres.
#pragma once

#include <z360/port/call_reader.hpp>

#include <pqxx/pqxx>

#include <optional>

namespace z360::adapter::postgres {

/// Ends with "where"; `c` is the call.
extern const char* const k_call_view;
/// nullopt, and a line in the log: stored by a newer program.
[[nodiscard]] std::optional<port::call_view> read_call_view(const pqxx::row& r);

} // namespace z360::adapter::postgres
