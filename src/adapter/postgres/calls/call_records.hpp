// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Records of calls, read the same way for the API and for operators' commands. Private to
// src/adapter/postgres.
#pragma once

#include <z360/port/call_records.hpp>

#include <pqxx/pqxx>

#include <vector>

namespace z360::adapter::postgres {

/// $1 organisation, $2 from, $3 until, $4 and $5 the cursor, $6 how many.
extern const char* const k_record_page;
[[nodiscard]] port::call_record read_record(const pqxx::row& r);
[[nodiscard]] std::vector<port::call_record> read_record_page(
    pqxx::transaction_base& tx, const port::record_span& span, const port::record_cursor& after,
    std::size_t limit
);

} // namespace z360::adapter::postgres
