// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The outbox of one call by the rules of the stores, for tests that roll whole databases back.
#pragma once

#include <z360/call/effect.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace z360::testing {

/// Until when whoever works on an effect keeps others off it. Not part of what is rolled back.
using effect_claims = std::map<std::string, time_point>;

struct outbox {
    std::map<std::string, call::effect> rows; ///< not finished
    std::set<std::string> done;               ///< ids of those that succeeded

    void keep(const call::effect& e, effect_claims& claims, time_point until) {
        const auto [at, fresh] = rows.emplace(e.id, e);
        const bool released = !fresh && at->second.after && !e.after;
        if (released) at->second = e;
        if (fresh || released) claims[e.id] = until;
    }
    void finish(const call::effect_end& end, effect_claims& claims, time_point until) {
        const std::string id(end.id);
        if (rows.erase(id) == 0) return;
        const bool well = end.result == call::outcome::done;
        if (well) done.insert(id);
        for (const auto& e : followers_of(id)) {
            if (well)
                claims[e.id] = until;
            else
                rows.erase(e.id);
        }
    }
    [[nodiscard]] std::vector<call::effect> followers_of(const std::string& id) const {
        std::vector<call::effect> out;
        for (const auto& [other, e] : rows)
            if (e.after && e.after->id == id) out.push_back(e);
        return out;
    }
    /// When whoever comes may take it.
    [[nodiscard]] time_point due(const call::effect& e, const effect_claims& claims) const {
        const auto found = claims.find(e.id);
        const auto claim = found == claims.end() ? time_point{} : found->second;
        if (!e.after || done.contains(e.after->id)) return claim;
        return std::max(claim, e.deadline + millis{5'000});
    }
};

/// Effects that a node keeps until their turn, by id: those that wait for this one, taken out.
[[nodiscard]] inline std::vector<call::effect>
take_followers(std::map<std::string, call::effect>& kept, std::string_view predecessor) {
    std::vector<call::effect> out;
    std::erase_if(kept, [&](const auto& f) {
        if (f.second.after->id != predecessor) return false;
        out.push_back(f.second);
        return true;
    });
    return out;
}

} // namespace z360::testing
