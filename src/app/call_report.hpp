// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Calls as an operator reads them: text for a terminal, JSON for programs. Pure; any thread.
#pragma once

#include "adapter/postgres/ops/call_record.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace z360::app {

/// How texts are laid out. No line is longer than `columns`.
struct report_style {
    std::size_t columns = 120;
    bool timing = false; ///< each step of a call says how long it took
    /// What the clock on the wall is ahead of UTC at that time; empty: nothing.
    std::function<std::chrono::seconds(time_point)> ahead;
};
/// Of this process: its time zone (TZ).
[[nodiscard]] report_style local_style();

/// Date and time of day with milliseconds and the zone's offset: "Sat 2026-01-31 13:00:00.123 +01:00".
[[nodiscard]] std::string full_time(time_point t, const report_style& s);

/// A call from its heading over each device to its timeline. The device `first` stands before the others;
/// none: as they are. `call` is the call as the API shows it, null where there is none.
[[nodiscard]] std::vector<std::string> call_in_words(
    const adapter::postgres::explained_call& c, const nlohmann::json& call, device_id first,
    const report_style& s
);
/// {"id", "device_id", "name", "platform", "result", "why", "text", "advice", …, "steps": […]}
[[nodiscard]] nlohmann::json device_json(const call::device_facts& d, const call::ring_facts& r);
/// {"at", "source", "what", "detail"} and, where it is known, "channel", "who", "stored_ms", "decided_ms" and
/// "took_ms".
[[nodiscard]] nlohmann::json
line_json(const adapter::postgres::timeline_line& l, const adapter::postgres::explained_call& c);

/// The first eight digits of the call's id, when, who called, our number, whom, and how it ended.
[[nodiscard]] std::string
call_row(const adapter::postgres::call_line& l, time_point now, const report_style& s);
[[nodiscard]] nlohmann::json row_json(const adapter::postgres::call_line& l);

} // namespace z360::app
