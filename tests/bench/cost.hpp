// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a server and its database spend: statements, commits and processor time, between two looks.
#pragma once

#include "support/rig.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace z360::bench {

struct cost {
    double statements = 0; ///< for calls; sweeps and the like do not count
    double commits = 0;    ///< of these, those that write
    double server = 0;     ///< seconds of processor time
    double postgres = 0;   ///< the same of the database's connections

    [[nodiscard]] cost since(const cost& earlier) const {
        return {
            statements - earlier.statements, commits - earlier.commits, server - earlier.server,
            postgres - earlier.postgres
        };
    }
};

/// As of now. Reads /metrics and /proc.
[[nodiscard]] cost cost_of(z360::testing::rig& r);

/// How long a single event takes to be stored by our own inbox, nothing else being done: microseconds, in
/// order.
[[nodiscard]] std::vector<double> single_appends(const z360::testing::rig& r, std::size_t count);

/// Fills the rig's database with ended calls, copies of one that it has, and with done events, `events` of
/// them with bodies of 200 bytes. Takes minutes for millions.
void grow(const z360::testing::rig& r, std::size_t calls, std::size_t events);

/// The number behind `name=` among a program's arguments.
[[nodiscard]] double argument(int argc, char** argv, std::string_view name, double otherwise);

} // namespace z360::bench
