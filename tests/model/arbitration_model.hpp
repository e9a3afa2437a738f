// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Exhaustive check of "who gets the caller". Two nodes have each seen their own device leg answer; every
// interleaving of their atomic steps is explored, together with what the world may do to them: Redis forgets
// its key once, one reply per node is lost after the operation took effect, each node may die at any step,
// one device may drop by itself. Pauses and slow networks are interleavings. There is no time in the model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace z360::model {

/// How the nodes of a protocol behave.
struct protocol {
    enum class arbiter_kind : std::uint8_t { redis_else_postgres, postgres };
    /// While Postgres is unreachable.
    enum class blind_kind : std::uint8_t { wait, trust_redis, trust_fence };
    /// Of a winner that is not bridged yet.
    enum class takeover_kind : std::uint8_t { none, steal, help };
    /// When losers are hung up.
    enum class cancel_kind : std::uint8_t { after_bridge, before_bridge };

    arbiter_kind arbiter = arbiter_kind::postgres;
    bool fence = false; ///< the carrier refuses to bridge a caller who is bridged already
    blind_kind blind = blind_kind::wait;
    takeover_kind takeover = takeover_kind::none;
    cancel_kind cancel = cancel_kind::after_bridge;
};

/// Which stores a node can reach; constant during one exploration.
struct reach {
    bool redis = true;
    bool postgres = true;
};
using reach_pair = std::array<reach, 2>;

/// What exploring one protocol under one reachability found. Each text is the shortest way there, a state a
/// line; empty: impossible.
struct findings {
    std::size_t states = 0;
    std::string two_bridged;       ///< both legs were bridged to the caller
    std::string both_killed;       ///< we hung up both legs and nobody has the caller
    std::string stuck;             ///< nobody died, nothing left to do, caller not bridged
    std::string stuck_after_crash; ///< the same with one node dead and the other able to reach Postgres
};

[[nodiscard]] findings explore(const protocol& rules, const reach_pair& reachable);

/// All 16 combinations.
[[nodiscard]] std::vector<reach_pair> all_reachabilities();

} // namespace z360::model
