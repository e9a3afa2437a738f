// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/plan.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace z360::call {
namespace {

bool is_turn(millis t) {
    return t >= k_shortest_turn && t <= k_longest_turn;
}

bool one_after_the_other(strategy s) {
    return s == strategy::sequence || s == strategy::hunt || s == strategy::longest_idle;
}

std::string at(std::size_t i, const char* field) {
    return "members[" + std::to_string(i) + "]." + field;
}

std::optional<plan_fault> fault_of_member(const plan_rules& p, std::size_t i) {
    const auto& m = p.members[i];
    if (m.who.user.none() == m.who.number.empty())
        return plan_fault{at(i, "user_id"), "give a member of the organisation, or a number, not both"};
    if (m.wave == 0 || m.wave > k_most_waves)
        return plan_fault{at(i, "wave"), "give 1 to " + std::to_string(k_most_waves)};
    if (m.who.after < millis{0} || m.who.after > k_longest_turn)
        return plan_fault{at(i, "delay_seconds"), "give 0 to 60"};
    if (m.who.lasts != millis{0} && !is_turn(m.who.lasts))
        return plan_fault{at(i, "ring_seconds"), "give 5 to 60, or nothing"};
    if (one_after_the_other(p.how) && m.who.after != millis{0})
        return plan_fault{at(i, "delay_seconds"), "has no place where one is rung after the other"};
    return std::nullopt;
}

// Whoever is named twice would be rung again and again.
std::optional<plan_fault> named_twice(const plan_rules& p) {
    std::set<std::pair<std::int64_t, std::string>> seen;
    for (std::size_t i = 0; i < p.members.size(); ++i) {
        const auto& who = p.members[i].who;
        if (!seen.emplace(who.user.value, who.number).second)
            return plan_fault{at(i, who.number.empty() ? "user_id" : "number"), "is named twice"};
    }
    return std::nullopt;
}

millis turn_of(const plan_rules& p, const branch& b) {
    return b.lasts != millis{0} ? b.lasts : p.step;
}

std::vector<branch> in_order(const plan_rules& p) {
    std::vector<branch> out;
    for (const auto& m : p.members)
        out.push_back(m.who);
    return out;
}

// A number has no talks on record: it comes last. Among equals the list decides.
std::vector<branch> by_idleness(const std::vector<branch>& all, const std::vector<member_history>& known) {
    using rank = std::tuple<int, time_point, std::size_t>;
    std::vector<rank> order;
    for (std::size_t i = 0; i < all.size(); ++i) {
        rank r{all[i].user.none() ? 2 : 0, time_point{}, i};
        for (const auto& h : known)
            if (!all[i].user.none() && h.user == all[i].user && h.talked) r = {1, *h.talked, i};
        order.push_back(r);
    }
    std::sort(order.begin(), order.end());
    std::vector<branch> out;
    for (const auto& r : order)
        out.push_back(all[std::get<2>(r)]);
    return out;
}

void behind(std::vector<branch>& all, user_id last) {
    if (last.none()) return;
    const auto is = [last](const branch& b) { return b.user == last; };
    const auto found = std::find_if(all.begin(), all.end(), is);
    if (found != all.end()) std::rotate(all.begin(), found + 1, all.end());
}

ring_plan turns(const plan_rules& p, std::vector<branch> all) {
    ring_plan out;
    for (auto& b : all) {
        b.after = millis{0};
        b.lasts = turn_of(p, b);
        out.push_back({b.lasts, {b}});
    }
    return out;
}

ring_plan together(const plan_rules& p) {
    std::map<std::uint32_t, wave> by_number;
    for (const auto& m : p.members)
        by_number[p.how == strategy::waves ? m.wave : 1].branches.push_back(m.who);
    ring_plan out;
    for (auto& [number, w] : by_number) {
        w.lasts = p.step;
        out.push_back(std::move(w));
    }
    if (!out.empty()) out.back().lasts = p.last;
    return out;
}

// One who would begin when all is over.
std::optional<plan_fault> never_rung(const plan_rules& p, const ring_plan& waves) {
    millis left{0};
    for (auto w = waves.rbegin(); w != waves.rend(); ++w) {
        left += w->lasts;
        for (const auto& b : w->branches) {
            if (b.after + k_shortest_turn <= left) continue;
            const auto is = [&b](const plan_member& m) { return m.who == b; };
            const auto found = std::find_if(p.members.begin(), p.members.end(), is);
            const auto i = static_cast<std::size_t>(found - p.members.begin());
            return plan_fault{at(i, "delay_seconds"), "leaves no time to ring"};
        }
    }
    return std::nullopt;
}

} // namespace

ring_plan only(branch who, millis lasts) {
    wave w;
    w.lasts = lasts;
    w.branches.push_back(std::move(who));
    return {std::move(w)};
}

millis length_of(const ring_plan& p) {
    millis all{0};
    for (const auto& w : p)
        all += w.lasts;
    return all;
}

std::string_view name(strategy s) {
    switch (s) {
    case strategy::all: return "all";
    case strategy::sequence: return "sequence";
    case strategy::waves: return "waves";
    case strategy::hunt: return "hunt";
    case strategy::longest_idle: return "longest_idle";
    }
    return "?";
}

std::optional<strategy> strategy_named(std::string_view word) {
    for (int i = 0; i < k_strategy_count; ++i)
        if (const auto s = static_cast<strategy>(i); name(s) == word) return s;
    return std::nullopt;
}

std::optional<plan_fault> fault_of(const plan_rules& p) {
    if (p.members.empty()) return plan_fault{"members", "names nobody: a call would ring nothing"};
    if (p.members.size() > k_most_members)
        return plan_fault{"members", "give at most " + std::to_string(k_most_members)};
    if (!is_turn(p.step)) return plan_fault{"step_seconds", "give 5 to 60"};
    if (!is_turn(p.last)) return plan_fault{"ring_seconds", "give 5 to 60"};
    for (std::size_t i = 0; i < p.members.size(); ++i)
        if (auto f = fault_of_member(p, i)) return f;
    if (auto f = named_twice(p)) return f;
    const auto waves = waves_of(p, {}, {});
    if (length_of(waves) > k_longest_plan)
        return plan_fault{
            "members",
            "a caller would wait longer than " +
                std::to_string(std::chrono::duration_cast<std::chrono::seconds>(k_longest_plan).count()) +
                " seconds; give fewer or shorter turns"
        };
    return never_rung(p, waves);
}

ring_plan waves_of(const plan_rules& p, user_id took_last, const std::vector<member_history>& known) {
    if (!one_after_the_other(p.how)) return together(p);
    auto all = in_order(p);
    if (p.how == strategy::longest_idle) all = by_idleness(all, known);
    if (p.how == strategy::hunt) behind(all, took_last);
    return turns(p, std::move(all));
}

} // namespace z360::call
