// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When an organisation takes calls: hours of each day of the week, and days with hours of their own. Pure:
// the local time is given, so that whoever asks about another moment gets the answer for it.
#pragma once

#include <z360/call/route.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// Minutes of the day by the clock on the wall, 0 … 1440. Open from `from` on, no more at `to`; from < to.
/// Hours beyond midnight are two spans, of two days.
struct open_span {
    int from = 0;
    int to = 0;
    bool operator==(const open_span&) const = default;
};

/// A date with hours of its own, whatever day of the week it is.
struct special_day {
    std::chrono::year_month_day date{};
    std::string name;             ///< for people; may be empty
    std::vector<open_span> spans; ///< empty: closed all day
    bool operator==(const special_day&) const = default;
};

struct opening_hours {
    std::array<std::vector<open_span>, 7> week; ///< from Monday on; none in a day: closed
    std::vector<special_day> special;
    bool operator==(const opening_hours&) const = default;
};

/// What the clock on the organisation's wall shows.
struct wall_time {
    std::chrono::year_month_day date{};
    int minute = 0; ///< of the day, 0 … 1439
};

/// "2026-12-24 09:30"; nullopt: it is no such time.
[[nodiscard]] std::optional<wall_time> read_wall_time(std::string_view text);

/// route_cause::as_set while it is open, else why it is not.
[[nodiscard]] route_cause cause_at(const opening_hours& hours, const wall_time& at);

} // namespace z360::call
