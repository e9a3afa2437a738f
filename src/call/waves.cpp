// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/waves.hpp"

#include "call/leg.hpp"
#include "call/mobile.hpp"
#include "call/notice.hpp"
#include "call/ring.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace z360::call::waves {
namespace {

// Null: no plan, nobody is waited for any more, or somebody has the caller.
template <class State>
auto* running(State& s) {
    auto* r = current_ring(s);
    const bool on = r != nullptr && !s.routed.plan.empty() && s.rings.size() == 1 &&
                    r->over == ring_end::none && phase_of(s) == phase::ringing;
    return on ? r : nullptr;
}

bool is_to(const leg& l, const branch& b) {
    if (l.goes_to() != nullptr) return b.user == l.goes_to()->user;
    return text_of(l.to) == (l.role == leg_role::agent ? b.agent : b.number);
}

const branch* branch_of(const state& s, const leg& l) {
    if (l.wave == 0 || l.wave > s.routed.plan.size()) return nullptr;
    for (const auto& b : s.routed.plan[l.wave - 1].branches)
        if (is_to(l, b)) return &b;
    return nullptr;
}

// Somebody whose turn has come may yet answer.
bool any_rings(const state& s) {
    return notices::awaited(s) || std::any_of(s.legs.begin(), s.legs.end(), [&s](const leg& l) {
               return is_rung_now(s, l) && l.alive() && !out_of_race(s, l.id) &&
                      (!l.awaits_turn() || l.due.has_value());
           });
}

// They have the caller next: nobody else is made to look for their phone.
bool is_taken(const state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&s](const leg& l) {
        return is_rung_now(s, l) && l.alive() && l.takes_call() && !out_of_race(s, l.id);
    });
}

/// Where the plan has a person.
struct place {
    std::uint32_t wave;
    const branch* who;
};
std::optional<place> place_of(const state& s, user_id who) {
    if (who.none()) return std::nullopt;
    for (std::uint32_t n = 0; n < s.routed.plan.size(); ++n)
        for (const auto& b : s.routed.plan[n].branches)
            if (b.user == who) return place{n + 1, &b};
    return std::nullopt;
}

// It rings, or may be woken by a push yet: neither lasts longer than the turn.
bool has_a_turn_to_end(const state& s, const leg& l) {
    if (!is_rung_now(s, l) || !l.until || l.answered || l.stopped || l.called_off() || l.awaits_turn())
        return false;
    return l.alive() || (!legs::dismissed(l) && notices::is_woken(s, l.device()));
}

void stop_who_had_their_time(state& s, effects& out, time_point now) {
    for (auto& l : s.legs) {
        if (!has_a_turn_to_end(s, l) || now < *l.until) continue;
        if (l.alive()) add_note(out, remark::branch_stopped, "leg=" + l.id.text());
        l.stopped = true;
    }
}

bool begin_next(state& s, effects& out, ring& r, time_point now) {
    const auto count = static_cast<std::uint32_t>(s.routed.plan.size());
    if (r.wave >= count || is_taken(s) || !rings::may_dial(s, now)) return false;
    const bool due = r.wave == 0 || (r.next_wave && now >= *r.next_wave);
    if (!due && any_rings(s)) return false;
    const auto& w = s.routed.plan[r.wave++];
    millis left{0};
    for (auto i = r.wave - 1; i < count; ++i)
        left += s.routed.plan[i].lasts;
    // Sooner when somebody's turn was over early, never later, and not before who has picked up has found the
    // key.
    if (!mobile::is_asked(s)) r.deadline = std::min(r.deadline, now + left);
    r.next_wave = r.wave < count ? std::optional(now + w.lasts) : std::nullopt;
    add_note(out, remark::wave_began, "wave=" + std::to_string(r.wave));
    for (auto& l : s.legs)
        if (const auto* b = l.wave == r.wave ? branch_of(s, l) : nullptr) l.due = now + b->after;
    return true;
}

// One that another copy has dialed has its time from now on, as far as this copy knows.
void set_ends(state& s, time_point now) {
    for (auto& l : s.legs) {
        if (l.awaits_turn() || l.until || !l.alive()) continue;
        const auto* b = branch_of(s, l);
        if (b != nullptr && b->lasts > millis{0}) l.until = now + b->lasts;
    }
}

// Of the newest copy: whoever was missed until no time is left is missed for good, and not waited for.
void forget_who_is_too_late(state& s, ring& r, time_point now) {
    if (rings::may_dial(s, now)) return;
    for (auto& l : s.legs)
        if (l.awaits_turn() && l.due && now >= *l.due) l.due.reset();
    if (!any_rings(s)) r.deadline = std::min(r.deadline, now);
}

void dial_who_is_due(state& s, effects& out, time_point now) {
    if (!rings::may_dial(s, now) || is_taken(s)) return;
    std::vector<leg_id> due;
    for (auto& l : s.legs) {
        if (!l.awaits_turn() || !l.alive() || !l.due || now < *l.due) continue;
        l.dial = dial_status::requested;
        l.due = now;
        due.push_back(l.id);
    }
    if (due.empty()) return;
    set_ends(s, now);
    notices::wake(s, out, now); // phones sleep: the push goes before the dial, which does not wait for it
    for (const auto& id : due) {
        const auto& l = *s.find(id);
        if (l.role == leg_role::peer) add_note(out, remark::number_rung, "leg=" + id.text());
        if (l.role == leg_role::agent) add_note(out, remark::agent_rung, "leg=" + id.text());
        out.emplace_back(rings::dial_command(s, l, now));
    }
}

bool settle(state& s, effects& out, const circumstances& c) {
    auto* r = running(s);
    if (r == nullptr) return false;
    if (c.may == authority::newest) {
        if (c.now >= r->deadline) return false;
        stop_who_had_their_time(s, out, c.now);
        forget_who_is_too_late(s, *r, c.now);
    }
    const bool moved = begin_next(s, out, *r, c.now);
    set_ends(s, c.now);
    dial_who_is_due(s, out, c.now);
    return moved;
}

std::optional<time_point> deadline(const state& s) {
    const auto* r = running(s);
    if (r == nullptr) return std::nullopt;
    std::optional<time_point> first;
    const auto earlier = [&first](std::optional<time_point> at) {
        if (at && (!first || *at < *first)) first = at;
    };
    const bool taken = is_taken(s);
    if (!taken && r->next_wave && rings::may_dial(s, *r->next_wave)) earlier(r->next_wave);
    for (const auto& l : s.legs) {
        if (has_a_turn_to_end(s, l)) earlier(l.until);
        if (taken || !is_rung_now(s, l) || !l.alive() || !l.awaits_turn()) continue;
        if (l.due && rings::may_dial(s, *l.due)) earlier(l.due); // else there is no time left for it
    }
    return first;
}

const char* broken(const state& s) {
    for (const auto& r : s.rings)
        if (r.wave > s.routed.plan.size()) return "a_plan_has_no_more_waves_than_were_set";
    for (const auto& l : s.legs) {
        if (l.wave > s.routed.plan.size()) return "a_planned_leg_is_of_a_wave";
        if (l.wave == 0 && (l.dial == dial_status::planned || l.due || l.until))
            return "only_a_planned_leg_has_a_turn";
        if (l.awaits_turn() && (l.initiated || l.answered || l.bridged))
            return "who_awaits_their_turn_does_not_ring";
    }
    return nullptr;
}

// Who ends when, of this person: as of those of their devices that were there when the call began; of who had
// none then, from now on.
std::optional<time_point> end_of(const state& s, user_id who, const branch& b, time_point now) {
    for (const auto& l : s.legs)
        if (l.wave != 0 && l.goes_to() != nullptr && l.goes_to()->user == who && !l.awaits_turn())
            return l.until;
    return b.lasts > millis{0} ? std::optional(now + b.lasts) : std::nullopt;
}

bool is_over(const state& s, user_id who, time_point now) {
    bool any = false;
    bool stopped = true; // all of them: one alone may be busy
    for (const auto& l : s.legs) {
        if (l.wave == 0 || l.goes_to() == nullptr || l.goes_to()->user != who) continue;
        if (l.until && now >= *l.until) return true;
        any = true;
        stopped = stopped && l.stopped;
    }
    return any && stopped;
}

// Theirs is still to come, though their wave has begun.
bool is_to_come(const state& s, user_id who) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&](const leg& l) {
        return l.goes_to() != nullptr && l.goes_to()->user == who && l.awaits_turn();
    });
}

} // namespace

const component k_component{nullptr, nullptr, settle, deadline, nullptr, nullptr, broken};

bool has_begun(const state& s, user_id who) {
    if (s.routed.plan.empty()) return true;
    const auto place = place_of(s, who);
    return place && !s.rings.empty() && place->wave <= s.rings.front().wave;
}

refusal judge_new(const state& s, user_id who, time_point now) {
    if (!place_of(s, who)) return refusal::may_not_ring;
    return has_begun(s, who) && !is_to_come(s, who) && !is_over(s, who, now) ? refusal::none
                                                                             : refusal::not_ringing;
}

void give_turn(const state& s, leg& l, time_point now) {
    const auto place = l.goes_to() != nullptr ? place_of(s, l.goes_to()->user) : std::nullopt;
    if (!place) return;
    l.wave = place->wave;
    l.due = now;
    l.until = end_of(s, l.goes_to()->user, *place->who, now);
}

void prepare(state& s) {
    std::size_t numbers = 0;
    std::uint32_t wave = 0;
    const auto add = [&s, &wave](leg l) {
        l.dial = dial_status::planned;
        l.wave = wave;
        s.legs.push_back(std::move(l));
    };
    for (const auto& w : s.routed.plan) {
        ++wave;
        for (const auto& b : w.branches) {
            if (!b.agent.empty()) {
                add(rings::agent_leg(s, sip_uri{b.agent}, s.rings.size(), ++numbers));
                continue;
            }
            if (b.user.none()) {
                add(rings::number_leg(s, e164{b.number}, s.rings.size(), ++numbers));
                s.legs.back().unasked = !b.asked;
                continue;
            }
            for (const auto& to : s.routed.targets)
                if (to.user == b.user && !rings::has_leg_to(s, to.identity)) add(rings::device_leg(s, to));
        }
    }
}

} // namespace z360::call::waves
