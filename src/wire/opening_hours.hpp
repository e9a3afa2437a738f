// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Opening hours as JSON, as the API takes them and as they are stored:
//
//   {"week": {"monday": [{"from": "09:00", "to": "17:30"}]},
//    "special_days": [{"date": "2026-12-25", "name": "Christmas", "open": []}]}
//
// A day that is not named is closed. Times are those of the clock on the wall, "00:00" to "24:00".
#pragma once

#include <z360/call/hours.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace z360::wire {

/// What is wrong with a part of it. `field` names it ("week.monday"), `text` goes on the sentence.
struct hours_fault {
    std::string field;
    std::string text;
};

/// Whatever is wrong is added to `faults` and left out of the result. Other members are ignored.
[[nodiscard]] call::opening_hours
read_opening_hours(const nlohmann::json& from, std::vector<hours_fault>& faults);
[[nodiscard]] nlohmann::json to_json(const call::opening_hours& hours);

} // namespace z360::wire
