// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Wall-clock time as the core and the database see it: whole milliseconds since the Unix epoch, UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace z360 {

using millis = std::chrono::milliseconds;
using time_point = std::chrono::sys_time<millis>;

/// `2026-01-31T12:00:00.123Z`.
[[nodiscard]] std::string iso8601(time_point t);
/// Reads an RFC 3339 date-time (any number of fraction digits, `Z` or an offset); nullopt if it is none.
[[nodiscard]] std::optional<time_point> parse_iso8601(std::string_view text);

} // namespace z360
