// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the server's memory comes to with many talks at once, all of them recorded, while the recordings of as
// many talks before them are being copied into the folder. Beside it, in the same run: the server at rest,
// and the same talks without recording.
//
//   bench_recorded [CALLS] [parallel=N] [kbyte=N]
//
// CALLS: 200 unless told. parallel: copies at once (recordings.parallel). kbyte: KiB of audio a second of
// talk; 320 makes some 2 MiB of each talk here.
#include "bench/cost.hpp"
#include "bench/load.hpp"
#include "support/rig.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace z360;
using namespace z360::bench;
using namespace std::chrono_literals;
using z360::testing::eventually;
using z360::testing::node;
using z360::testing::rig;

namespace {

constexpr double k_goal_mib = 64;
constexpr auto k_talk = 4s;
constexpr auto k_patience = 60s;

/// Of one process, in KiB.
long status_of(const node& n, const std::string& name) {
    std::ifstream in("/proc/" + std::to_string(n.pid()) + "/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name + ":")) return std::atol(line.c_str() + name.size() + 1);
    return 0;
}
double peak_mib(const node& n) {
    return static_cast<double>(status_of(n, "VmHWM")) / 1024;
}
/// From now on the peak is that of what follows.
void forget_peak(const node& n) {
    std::ofstream("/proc/" + std::to_string(n.pid()) + "/clear_refs") << 5;
}

rig make_rig(const std::string& folder, int parallel, int kbyte) {
    z360::testing::rig_options o;
    o.direct = true;
    o.devices = 1;
    o.environment["Z360_TELNYX_DIALS_PER_5S"] = "100000";
    o.environment["Z360_LOG_LEVEL"] = "warn";
    o.environment["Z360_RECORDINGS_FOLDER"] = folder;
    o.environment["Z360_RECORDINGS_PARALLEL"] = std::to_string(parallel);
    o.carrier.dials_per_window = 1'000'000;
    o.carrier.recording_bytes_a_second = kbyte * 1024;
    return rig(std::move(o));
}

std::size_t talking(const sim::carrier& c) {
    std::size_t n = 0;
    for (const auto& l : c.legs())
        n += l.kind == sim::leg_kind::caller && l.alive() && !l.bridged_with.empty();
    return n;
}

/// So many callers who talk, all at once.
std::vector<std::string> talks(rig& r, int calls, int numbered_from) {
    std::vector<std::string> callers;
    for (int i = 0; i < calls; ++i) {
        callers.push_back(r.call("+1312557" + std::to_string(1000 + (numbered_from + i) % 9000)));
        if (i % 10 == 9) std::this_thread::sleep_for(100ms); // 100 calls/s
    }
    const auto wanted = static_cast<std::size_t>(calls);
    if (!r.carrier().wait_until([wanted](const sim::carrier& c) { return talking(c) == wanted; }, k_patience))
        std::puts("NOT all of them talk");
    return callers;
}

void end(rig& r, const std::vector<std::string>& callers) {
    for (const auto& c : callers)
        r.carrier().caller_hangs_up(c);
}

bool all_over(rig& r) {
    return r.carrier().wait_until([](const sim::carrier& c) { return c.alive_legs() == 0; }, k_patience);
}

std::string kept(rig& r) {
    return r.sql("select count(*) from recordings where status = 'kept'");
}

void run(rig& r, int calls) {
    r.phone(1, sim::phone::answers(100ms));
    std::this_thread::sleep_for(5s); // its connections and plans are there
    const double rest = peak_mib(r.server());

    (void)r.run("--org-settings " + std::to_string(r.org()) + " --record-calls false");
    auto plain = talks(r, calls, 0);
    std::this_thread::sleep_for(k_talk);
    end(r, plain);
    if (!all_over(r)) std::puts("NOT all legs ended");
    const double unrecorded = peak_mib(r.server());
    std::this_thread::sleep_for(7s); // what is over leaves memory
    (void)r.run("--org-settings " + std::to_string(r.org()) + " --record-calls true");

    forget_peak(r.server());
    auto before = talks(r, calls, calls);
    std::this_thread::sleep_for(k_talk);
    end(r, before); // all at once: their recordings are there half a second later
    const auto began = steady::now();
    auto during = talks(r, calls, 2 * calls);
    const auto first = kept(r);
    std::this_thread::sleep_for(k_talk);
    end(r, during);
    if (!all_over(r)) std::puts("NOT all legs ended");
    const auto all = std::to_string(2 * calls);
    const bool whole = eventually([&] { return kept(r) == all; }, 120s);
    const std::chrono::duration<double> took = steady::now() - began;
    const double recorded = peak_mib(r.server());

    const auto mib = r.sql("select round(sum(bytes) / 1048576.0, 1) from recordings");
    const auto each = r.sql("select round(avg(bytes) / 1048576.0, 2) from recordings");
    std::printf("server at rest: peak %.1f MiB\n", rest);
    std::printf("%d talks at once, not recorded: peak %.1f MiB\n", calls, unrecorded);
    std::printf(
        "%d talks at once, recorded, while as many recordings are copied: peak %.1f MiB (goal %.0f: %s)\n",
        calls, recorded, k_goal_mib, recorded <= k_goal_mib ? "met" : "NOT met"
    );
    std::printf(
        "%s of %s recordings kept (%s when the second lot talked), %s MiB, %s MiB each, in %.1f s%s\n",
        kept(r).c_str(), all.c_str(), first.c_str(), mib.c_str(), each.c_str(), took.count(),
        whole ? "" : ": NOT all"
    );
    const auto wrong = r.complaints();
    if (!wrong.empty()) std::printf("WRONG: %s\n", wrong.c_str());
}

} // namespace

int main(int argc, char** argv) {
    (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (!rig::available()) {
        std::puts("bench_recorded needs Z360_TEST_DATABASE_URL and Z360_TEST_REDIS_URL; use scripts/bench");
        return 2;
    }
    const int asked = argc > 1 ? std::atoi(argv[1]) : 0;
    const auto folder =
        std::filesystem::temp_directory_path() / ("z360-bench-recorded-" + std::to_string(::getpid()));
    {
        auto r = make_rig(
            folder.string(), static_cast<int>(argument(argc, argv, "parallel", 8)),
            static_cast<int>(argument(argc, argv, "kbyte", 320))
        );
        run(r, asked > 0 ? asked : 200);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
