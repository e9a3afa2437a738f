// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "schedules.hpp"

#include "judge.hpp"

#include <z360/log.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>

namespace z360::testing {
namespace {

/// One schedule in so many is decided once more, from what was stored of it: it costs as much as running it.
const std::uint64_t k_replayed_of = [] {
    const char* text = std::getenv("Z360_SIM_REPLAY");
    return text == nullptr ? 16 : std::max<std::uint64_t>(std::strtoull(text, nullptr, 10), 1);
}();

/// How often something is asked in this schedule.
std::uint64_t asked_in(const plan& p, std::uint64_t world::figures_t::* what) {
    world w(p);
    (void)w.run();
    return w.figures.*what;
}

} // namespace

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void tally::add(const world& w) {
    events += w.figures.steps;
    if (!digests) return;
    for (const auto c : history(w))
        digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
}

std::vector<std::string> broken_by(const plan& p, bool tell, tally* sum) {
    log::configure({.threshold = tell ? log::level::debug : log::level::critical});
    world w(p);
    w.db.tells = tell || (sum != nullptr && sum->digests);
    const auto stuck = w.run();
    auto broken = judge(w);
    if (!stuck.empty()) broken.insert(broken.begin(), stuck);
    if (p.seed % k_replayed_of == 0)
        for (auto& d : replayed(w))
            broken.push_back(std::move(d));
    if (tell) std::cout << history(w);
    if (sum != nullptr) sum->add(w);
    return broken;
}

bool everything(const std::string&) {
    return true;
}

bool passes(const plan& p, std::string_view kind, bool tell, counting counts, tally* sum) {
    auto broken = broken_by(p, tell, sum);
    std::erase_if(broken, [counts](const auto& b) { return !counts(b); });
    if (broken.empty()) return true;
    std::string text = "Z360_SIM_SEED=" + std::to_string(p.seed) + " level " +
                       std::to_string(static_cast<int>(p.level)) + " " + std::string(kind);
    for (const auto& b : broken)
        text += "\n  " + b;
    ADD_FAILURE() << text;
    return false;
}

void run_many(plan (*make)(std::uint64_t), std::uint64_t otherwise, std::string_view kind, counting counts) {
    if (std::getenv("Z360_SIM_SEED") != nullptr) {
        (void)passes(make(setting("Z360_SIM_SEED", 0)), kind, true, counts);
        return;
    }
    const auto runs = setting("Z360_SIM_RUNS", otherwise);
    const auto first = setting("Z360_SIM_FIRST", 1);
    const auto began = std::clock();
    std::uint64_t ran = 0;
    tally sum;
    int failures = 0;
    for (; ran < runs && failures < 10; ++ran)
        if (!passes(make(first + ran), kind, false, counts, &sum)) ++failures;
    const auto took = std::max(static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC, 1e-3);
    const auto per_second = static_cast<double>(ran) / took;
    std::cout << ran << " schedules, " << per_second << " per second of processor time, "
              << sum.events / std::max<std::uint64_t>(ran, 1) << " events each\n";
    if (sum.digests) std::cout << "digest " << std::hex << sum.digest << std::dec << "\n";
    ::testing::Test::RecordProperty("schedules_per_second", static_cast<int>(per_second));
}

std::uint64_t every_mishap(
    plan (*make)(std::uint64_t), std::uint64_t seeds, std::uint64_t world::figures_t::* asked, int kinds,
    void (*arm)(plan&, int how, std::size_t nth)
) {
    if (std::getenv("Z360_SIM_SEED") != nullptr) {
        auto p = make(setting("Z360_SIM_SEED", 0));
        arm(p, static_cast<int>(setting("Z360_SIM_MISHAP", 1)), setting("Z360_SIM_AT", 1));
        (void)passes(p, "one mishap", true);
        return 1;
    }
    const auto first = setting("Z360_SIM_FIRST", 1);
    std::uint64_t ran = 0;
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        const auto questions = asked_in(make(seed), asked);
        for (int how = 1; how < kinds; ++how)
            for (std::size_t nth = 1; nth <= questions && failures < 10; ++nth, ++ran) {
                auto p = make(seed);
                arm(p, how, nth);
                if (!passes(p, "mishap " + std::to_string(how) + " at " + std::to_string(nth))) ++failures;
            }
    }
    return ran;
}

void arm_store(plan& p, int how, std::size_t nth) {
    p.what_happens = static_cast<mishap>(how);
    p.mishap_at = nth;
}
void arm_carrier(plan& p, int how, std::size_t nth) {
    p.request_meets = static_cast<carrier_mishap>(how);
    p.request_at = nth;
}

} // namespace z360::testing
