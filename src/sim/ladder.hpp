// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A call as a ladder: one line per fact, in time order, for people.
#pragma once

#include "sim/carrier.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::sim {

enum class lane : std::uint8_t { caller, webhook, command, phone, bridge, push, decision };

/// What people call the phones, by SIP username.
using phone_names = std::map<std::string, std::string, std::less<>>;

struct rung {
    time_point at{};
    lane where = lane::phone;
    std::string what;
    std::string detail;
    bool trouble = false;
};

struct ladder_style {
    bool colour = false;
    std::optional<time_point> origin; ///< time 0; default: the first rung
};

/// Everything that happened in a session (empty: in all), sorted by time. Phones without a name are told by
/// their SIP username.
[[nodiscard]] std::vector<rung>
ladder_of(const carrier& c, std::string_view session, const phone_names& names = {});
/// Sorted by time; rungs of the same millisecond keep their order.
[[nodiscard]] std::vector<rung> in_order(std::vector<rung> rungs);
/// Decision lines of a server: one JSON object {at, what, detail} a line, `at` RFC 3339 text or milliseconds
/// since the epoch; `who` it is about, and the `channel` of a command, where they are told. Pushes get a lane
/// of their own. Other lines are skipped.
[[nodiscard]] std::vector<rung> read_decisions(std::string_view lines);
[[nodiscard]] std::string render(const rung& r, const ladder_style& style);
[[nodiscard]] std::string render(const std::vector<rung>& rungs, ladder_style style);

} // namespace z360::sim
