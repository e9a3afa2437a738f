// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Z360_SIM_RUNS=n   how many schedules of each level (default: as many as fit into a few seconds)
// Z360_SIM_SEED=s   only this one, with its history
#include "judge.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

using namespace z360;
using namespace z360::testing;

namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Runs one schedule; false: something was broken, and said.
bool passes(std::uint64_t seed, trouble level, bool tell = false) {
    world w(make_plan(seed, level));
    const auto stuck = w.run();
    auto broken = judge(w);
    if (!stuck.empty()) broken.insert(broken.begin(), stuck);
    if (tell) std::cout << history(w);
    if (broken.empty()) return true;
    std::string text =
        "Z360_SIM_SEED=" + std::to_string(seed) + " level " + std::to_string(static_cast<int>(level));
    for (const auto& b : broken)
        text += "\n  " + b;
    ADD_FAILURE() << text;
    return false;
}

void run_many(trouble level, std::uint64_t otherwise) {
    if (std::getenv("Z360_SIM_SEED") != nullptr) {
        (void)passes(setting("Z360_SIM_SEED", 0), level, true);
        return;
    }
    const auto runs = setting("Z360_SIM_RUNS", otherwise);
    const auto first = setting("Z360_SIM_FIRST", 1);
    const auto began = std::chrono::steady_clock::now();
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + runs && failures < 10; ++seed)
        if (!passes(seed, level)) ++failures;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::cout << runs << " schedules, " << static_cast<double>(runs) / took.count() << " per second\n";
    ::testing::Test::RecordProperty(
        "schedules_per_second", static_cast<int>(static_cast<double>(runs) / took.count())
    );
}

} // namespace

TEST(simulation, without_faults) {
    run_many(trouble::none, 1'000);
}
TEST(simulation, i1_i2_i9_i11_webhooks_late_repeated_lost_and_out_of_order) {
    run_many(trouble::webhooks, 1'000);
}
TEST(simulation, i7_i9_commands_fail_stall_and_lose_their_answer) {
    run_many(trouble::commands, 1'000);
}
TEST(simulation, i1_i3_i8_i20_nodes_die_and_lose_the_store) {
    run_many(trouble::nodes, 1'000);
}
