// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "engine/followers.hpp"

#include <algorithm>
#include <utility>

namespace z360::engine {

void followers::keep(one f) {
    forget(f.what.id);
    if (!f.what.after || predecessor_of_.size() >= most_) return;
    predecessor_of_.emplace(f.what.id, f.what.after->id);
    waiting_[f.what.after->id].push_back(std::move(f));
}

std::vector<followers::one> followers::take(const std::string& predecessor) {
    const auto found = waiting_.find(predecessor);
    if (found == waiting_.end()) return {};
    auto out = std::move(found->second);
    waiting_.erase(found);
    for (const auto& f : out)
        predecessor_of_.erase(f.what.id);
    return out;
}

void followers::forget(const std::string& effect_id) {
    const auto found = predecessor_of_.find(effect_id);
    if (found == predecessor_of_.end()) return;
    const auto all = waiting_.find(found->second);
    std::erase_if(all->second, [&effect_id](const one& f) { return f.what.id == effect_id; });
    if (all->second.empty()) waiting_.erase(all);
    predecessor_of_.erase(found);
}

void followers::forget_late(time_point now) {
    std::vector<std::string> late;
    for (const auto& [first, all] : waiting_)
        for (const auto& f : all)
            if (f.what.deadline <= now) late.push_back(f.what.id);
    for (const auto& id : late)
        forget(id);
}

} // namespace z360::engine
