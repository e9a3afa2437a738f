// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Runs schedules and has them judged.
// Z360_SIM_RUNS=n   how many schedules of each level (default: as many as fit into a few seconds)
// Z360_SIM_FIRST=s  the first seed (default 1)
// Z360_SIM_SEED=s   only this one, with its history; what the nodes log goes to standard error
//                   (of the mishaps: with the one that Z360_SIM_MISHAP and Z360_SIM_AT say)
// Z360_SIM_REPLAY=n one schedule in n is replayed (default 16)
// Z360_SIM_DIGEST=1 one number of all histories: the same as long as every schedule goes as it did
#pragma once

#include "world.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace z360::testing {

/// Of the environment; without it, `otherwise`.
[[nodiscard]] std::uint64_t setting(const char* name, std::uint64_t otherwise);

/// Of all the schedules that were run together.
struct tally {
    bool digests = std::getenv("Z360_SIM_DIGEST") != nullptr;
    std::uint64_t events = 0;
    std::uint64_t digest = 0xCBF29CE484222325ULL; ///< FNV-1a of the histories
    void add(const world& w);
};

/// What `broken_by` found and this does not dismiss counts.
using counting = bool (*)(const std::string&);
[[nodiscard]] bool everything(const std::string&);

/// Runs one schedule: all that was broken. `tell`: with its history.
[[nodiscard]] std::vector<std::string> broken_by(const plan& p, bool tell = false, tally* sum = nullptr);
/// The same; false: something was broken, and the test fails.
bool passes(
    const plan& p, std::string_view kind, bool tell = false, counting counts = everything,
    tally* sum = nullptr
);
/// Schedules of one kind, as many as are asked for.
void run_many(
    plan (*make)(std::uint64_t), std::uint64_t otherwise, std::string_view kind = {},
    counting counts = everything
);
/// Each thing that can go wrong, at each question of its kind in turn. How many schedules that made.
std::uint64_t every_mishap(
    plan (*make)(std::uint64_t), std::uint64_t seeds, std::uint64_t world::figures_t::* asked, int kinds,
    void (*arm)(plan&, int how, std::size_t nth)
);
/// For every_mishap(): of the store, of k_mishap_count kinds; of the carrier, of k_carrier_mishap_count.
void arm_store(plan& p, int how, std::size_t nth);
void arm_carrier(plan& p, int how, std::size_t nth);

} // namespace z360::testing
