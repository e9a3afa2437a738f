// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What /readyz shows, from figures to words. Pure.
#pragma once

#include <z360/base/loop_state.hpp>
#include <z360/engine/engine.hpp>

#include <string>
#include <vector>

namespace z360::edge {

/// One thing that /readyz looks at.
struct readiness {
    std::string name; ///< "database", "redis", "draining"
    bool ok = false;
    bool needed = true; ///< false: shown, but traffic is welcome without it
    std::string detail; ///< for people; no secrets
};

/// Not ok when one of them is late. The detail names each loop that is late or fails, with its last error.
[[nodiscard]] readiness loops_readiness(std::string name, const std::vector<loop_state>& loops, bool needed);

/// Not ok when decisions have waited for Postgres for 5 s, or 3 commits of the last 10 s outran their budget:
/// one slow commit takes no node out.
[[nodiscard]] readiness commits_readiness(const engine::figures& f);

/// Not ok, though traffic is welcome, when webhooks came that are of webhook API version 1.
[[nodiscard]] readiness webhooks_readiness(const engine::figures& f);

} // namespace z360::edge
