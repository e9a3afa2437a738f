// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What is measured of a leg's sound, and what a leg has cost. Nothing of a call rests on these.
#pragma once

#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::call {

/// A number that is kept exactly as it was told: digits, perhaps a point and more digits, perhaps a minus in
/// front; at most 12 digits on either side. Empty: not told.
using decimal = std::string;

/// What the carrier has heard of one leg (`call_quality_stats` of call.hangup). "In" is what came from
/// whoever is at its end, "out" what was sent to them.
struct media_figures {
    decimal mos;    ///< 0 … 5, of what came in
    decimal jitter; ///< largest variance of what came in; ms as far as anybody says
    std::optional<std::int64_t> packets_in, packets_out;
    std::optional<std::int64_t> skipped_in, skipped_out; ///< packets that were missing
    bool operator==(const media_figures&) const = default;

    [[nodiscard]] bool empty() const { return *this == media_figures{}; }
    /// Packets were counted, and there were none in one direction (B7).
    [[nodiscard]] bool silent() const { return packets_in == 0 || packets_out == 0; }
};

/// A part of what a leg has cost, such as "sip-trunking".
struct charge_part {
    std::string what;
    decimal cost, rate;
    std::string currency;
    std::optional<std::int64_t> billed_secs;
    bool operator==(const charge_part&) const = default;
};

/// What the carrier charges for one leg (call.cost), some time after its end.
struct charge {
    decimal total;        ///< empty: not known
    std::string currency; ///< of all parts; empty: none was told, or they differ
    bool failed = false;  ///< the carrier could not work it out
    std::optional<std::int64_t> billed_secs;
    std::vector<charge_part> parts; ///< at most 32
    time_point at{};                ///< occurred_at: of two, the newer one that has not failed counts
    bool operator==(const charge&) const = default;
};

} // namespace z360::call
