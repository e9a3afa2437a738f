// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Events per second through the pure core. Baseline in the same run: copying the state, which every step must
// do.
#include "support/scenario.hpp"

#include <benchmark/benchmark.h>

#include <vector>

using namespace z360;
using namespace z360::call;
using z360::testing::control_id;
using z360::testing::sample_incoming;

namespace {

const time_point k_now = time_point{millis{1'800'000'000'000}};

leg_ref device(const state& s, std::size_t n) {
    return {control_id(static_cast<int>(n) + 1), s.legs[n].id};
}

// A whole call of `devices` phones: ring, answer, bridge, talk, hang up, the others' ends.
std::vector<event> whole_call(const state& s) {
    std::vector<event> out;
    const leg_ref caller{"v3:caller", std::nullopt};
    for (std::size_t n = 0; n < s.legs.size(); ++n) {
        command_outcome dialed;
        dialed.command_id = s.legs[n].id.text();
        dialed.who = device(s, n);
        out.emplace_back(dialed);
        out.emplace_back(leg_initiated{device(s, n)});
    }
    out.emplace_back(leg_answered{device(s, 0)});
    command_outcome answered;
    answered.what = verb::answer;
    answered.who = caller;
    out.emplace_back(answered);
    out.emplace_back(leg_answered{caller});
    command_outcome bridged;
    bridged.what = verb::bridge;
    bridged.command_id = s.legs[0].id.text() + "-bridge-1";
    bridged.who = device(s, 0);
    out.emplace_back(bridged);
    out.emplace_back(leg_bridged{caller});
    out.emplace_back(leg_bridged{device(s, 0)});
    for (std::size_t n = 1; n < s.legs.size(); ++n)
        out.emplace_back(leg_hangup{device(s, n), "normal_clearing"});
    out.emplace_back(leg_hangup{caller, "normal_clearing"});
    out.emplace_back(leg_hangup{device(s, 0), "normal_clearing"});
    return out;
}

void decide_whole_call(benchmark::State& bench) {
    const auto first = begin(sample_incoming(static_cast<int>(bench.range(0))), k_now).next;
    const auto events = whole_call(first);
    for (auto _ : bench) {
        state s = first;
        for (const auto& e : events) {
            auto d = decide(s, e, k_now + millis{100});
            s = std::move(d.next);
        }
        if (phase_of(s) != phase::ended || s.reason != end_reason::completed)
            bench.SkipWithError("the call went wrong");
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<std::int64_t>(events.size()));
}
BENCHMARK(decide_whole_call)->Arg(1)->Arg(2)->Arg(5)->Arg(20);

void baseline_copy_state(benchmark::State& bench) {
    const auto first = begin(sample_incoming(static_cast<int>(bench.range(0))), k_now).next;
    for (auto _ : bench) {
        state s = first;
        benchmark::DoNotOptimize(s);
    }
    bench.SetItemsProcessed(bench.iterations());
}
BENCHMARK(baseline_copy_state)->Arg(1)->Arg(2)->Arg(5)->Arg(20);

} // namespace
