// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call's record as JSON and as a line of CSV: what the API and the export command write. Pure.
#pragma once

#include "edge/api/problem.hpp"

#include <z360/port/call_records.hpp>

#include <string>
#include <string_view>

namespace z360::edge::api {

/// With legs, joins and pushes where the record has them.
[[nodiscard]] json record_json(const port::call_record& r);

/// RFC 4180: the names of the columns, and one record; each with its CRLF. What a spreadsheet would take for
/// a formula has an apostrophe in front.
[[nodiscard]] std::string record_csv_header();
[[nodiscard]] std::string record_csv(const port::call_record& r);
/// One field of it, quoted where it must be.
[[nodiscard]] std::string csv_field(std::string_view text);

} // namespace z360::edge::api
