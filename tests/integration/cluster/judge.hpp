// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Verdicts over several calls by the carrier's ground truth. Each gives "" or what is wrong.
#pragma once

#include "support/rig.hpp"

#include <string>
#include <vector>

namespace z360::testing {

/// A caller and the session that the carrier gave it.
struct party {
    std::string caller;
    std::string session;
};

/// Somebody calls our number.
[[nodiscard]] party arrive(rig& r, const std::string& from = "+13125550142");

/// I21: hang-ups of ours that were sent after two legs had been joined, and ended that talk although neither
/// side had; somebody taken out of a talk by another bridge counts as well.
[[nodiscard]] std::string cut_talks(rig& r);

/// Waits until each of them is joined to somebody, or the limit has passed.
[[nodiscard]] std::string not_joined(rig& r, const std::vector<party>& all, millis limit);
/// Waits until each of them is joined, or speaks to the voicemail.
[[nodiscard]] std::string not_served(rig& r, const std::vector<party>& all, millis limit);
/// Waits for the stretch; names who of them stops being joined meanwhile.
[[nodiscard]] std::string parted(rig& r, const std::vector<party>& all, millis stretch);

/// Everybody hangs up; then no leg of theirs may live, every event that we acknowledged is processed, rows
/// and carrier agree.
[[nodiscard]] std::string farewell(rig& r, const std::vector<party>& all, millis limit = 15s);
/// The same without a look at the events: after a failover that lost commits some are in no table.
[[nodiscard]] std::string farewell_after_loss(rig& r, const std::vector<party>& all, millis limit = 15s);

/// Events that were offered more often than that, or that nobody could use.
[[nodiscard]] std::string buried_or_tried_more_than(rig& r, int times);

/// Sessions that a failed flow is about, most likely: talks that we cut, callers who were never joined or are
/// not yet gone. Three at most.
[[nodiscard]] std::vector<std::string> unlucky(rig& r);
/// For whoever looks into a failure: what was sent, told and written in the log about this call, in order.
[[nodiscard]] std::string history(rig& r, const std::string& session);

/// Sum of a metric over all nodes.
[[nodiscard]] double total(rig& r, const std::string& metric);

} // namespace z360::testing
