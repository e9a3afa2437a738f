// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The one JSON of a call as somebody may see it, for every reply, event and page that shows calls.
#pragma once

#include <z360/call/view.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace z360::wire {

/// What the call itself does not know: names of today, and where its row stands.
struct call_labels {
    std::uint64_t version = 0;
    std::uint64_t position = 0;
    org_id org;
    std::string org_name, org_slug;
    std::string channel_number;                                 ///< our number; may be empty
    std::vector<std::pair<device_id, std::string>> device_uids; ///< of its legs: the apps' own ids
};

[[nodiscard]] nlohmann::json call_json(const call::view& v, const call_labels& names);
/// The state, or `answered_elsewhere` for a device that lost the call to another (AND-08).
[[nodiscard]] std::string_view status_of(const call::view& v);

} // namespace z360::wire
