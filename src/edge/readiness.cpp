// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/readiness.hpp"

#include <chrono>
#include <string_view>
#include <utility>

namespace z360::edge {
namespace {

constexpr millis k_unsaved_limit{5'000};
constexpr std::size_t k_slow_limit = 3;
constexpr std::size_t k_error_shown = 200; // the log has all of it

std::string shown(std::string_view error) {
    error = error.substr(0, error.find('\n'));
    return std::string(error.substr(0, k_error_shown));
}

std::string seconds(std::chrono::milliseconds t) {
    return std::to_string(std::chrono::floor<std::chrono::seconds>(t).count()) + " s";
}

std::string describe(const loop_state& l) {
    if (!l.late && l.failures == 0) return {};
    std::string out = l.name + ": ";
    if (l.late)
        out += "late, no round has succeeded for " + seconds(l.since_good);
    else
        out += std::to_string(l.failures) + (l.failures == 1 ? " round" : " rounds in a row") + " failed";
    if (!l.last_error.empty()) out += "; last error: " + shown(l.last_error);
    return out;
}

} // namespace

readiness loops_readiness(std::string name, const std::vector<loop_state>& loops, bool needed) {
    readiness out{std::move(name), true, needed, {}};
    for (const auto& l : loops) {
        out.ok = out.ok && !l.late;
        const auto text = describe(l);
        if (!text.empty()) out.detail += (out.detail.empty() ? "" : " | ") + text;
    }
    return out;
}

readiness commits_readiness(const engine::figures& f) {
    readiness out{"commits", true, true, {}};
    if (f.oldest_unsaved >= k_unsaved_limit) {
        out.ok = false;
        out.detail = std::to_string(f.unsaved_calls) + " calls are decided in memory only, the oldest for " +
                     seconds(f.oldest_unsaved);
    }
    if (f.slow_commits >= k_slow_limit) {
        out.ok = false;
        out.detail += (out.detail.empty() ? "" : " | ") + std::to_string(f.slow_commits) +
                      " commits of the last 10 s were not done in time";
    }
    if (!out.ok) out.detail += "; look at Postgres: its disk, locks, a synchronous standby that is away";
    return out;
}

readiness webhooks_readiness(const engine::figures& f) {
    readiness out{"webhooks", f.old_webhooks == 0, false, {}};
    if (!out.ok)
        out.detail = std::to_string(f.old_webhooks) +
                     " since the start were of webhook API version 1, nobody was rung for them; set the API "
                     "version of both Telnyx connections to 2";
    return out;
}

} // namespace z360::edge
