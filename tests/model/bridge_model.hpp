// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Exhaustive check of "when is a bridge given up". One claim at a time is held by the store; device a is the
// winner, b has answered, too. Every interleaving of requests, replies, reports and decisions is explored:
// each request may be sent twice, each may reach the carrier at any later moment, each reply may be lost or
// late, reports come whenever they like, and the time limit may pass at any moment. Nobody hangs up: whatever
// ends a talk is our doing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace z360::model {

/// When the winner of a bridge without confirmation is given up, and what follows.
struct giving_up {
    enum class by_kind : std::uint8_t {
        time,         ///< the time limit passed
        any_answer,   ///< the carrier was asked and has no record of a bridge
        quiet_answer, ///< the same, asked when no request of ours could be on its way any more
    };
    by_kind by = by_kind::quiet_answer;
    bool waits_for_hangup = true; ///< the next winner is claimed when the dropped leg is known to be gone
    bool fence = true;            ///< the carrier refuses to bridge a caller who is bridged already
    bool record_lags = false;     ///< the carrier's record may miss a bridge that has just been made
};

/// Each text is the shortest way there, a state a line; empty: impossible.
struct bridge_findings {
    std::size_t states = 0;
    std::string displaced; ///< a talk was replaced by another (two devices were joined to one caller)
    std::string cut;       ///< a hang-up of ours that was sent into a talk ended it
    std::string second;    ///< the first could not be joined, the second is: what giving up is for
    std::string limbo;     ///< nothing left to do, and the caller is with nobody although somebody is there
};

[[nodiscard]] bridge_findings explore(const giving_up& rules);

} // namespace z360::model
