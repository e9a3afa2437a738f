// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "store.hpp"

#include <algorithm>

namespace z360::testing {

std::optional<port::turn> store::begin_turn(
    const std::string& name, const std::string& holder, millis every, millis length, time_point now
) {
    auto& t = turns_[name];
    const bool held = t.held_until > now;
    const bool mine = held && t.holder == holder;
    if (!mine && (held || t.began + every > now)) return std::nullopt;
    t.holder = holder;
    t.held_until = now + length;
    t.began = now;
    return port::turn{t.position, now};
}

void store::end_turn(
    const std::string& name, const std::string& holder, std::optional<time_point> position, time_point now
) {
    auto& t = turns_[name];
    if (t.holder != holder || t.held_until <= now) return;
    t.held_until = now;
    if (position) t.position = std::max(t.position.value_or(*position), *position);
}

// The latest moment, up to now, at which this call was due to be asked about.
std::optional<time_point> store::due_at(
    const call_row& row, const port::question_times& times, std::optional<time_point> asked, time_point now
) {
    using call::phase;
    const auto& s = row.call.state;
    std::optional<time_point> due;
    const auto consider = [&due, now](time_point at) {
        if (at <= now && (!due || *due < at)) due = at;
    };
    const bool rings =
        phase_of(s) == phase::ringing || phase_of(s) == phase::answering || phase_of(s) == phase::bridging;
    if (rings) {
        for (const auto step : times.ring)
            consider(s.began + step);
        for (auto at = s.began + times.ring.back() + times.ring_then; at <= now; at += times.ring_then)
            consider(at);
        for (const auto& l : s.legs)
            if (!l.initiated && !l.answered && !l.bridged && !l.ended) consider(s.began + times.first_leg);
    }
    const bool rang = !s.rings.empty(); // not for a caller whom the organisation blocks
    if (rang && (rings || phase_of(s) == phase::voicemail))
        consider(s.rings.back().deadline + times.after_deadline);
    if (!rings && phase_of(s) != phase::ended)
        consider(std::max(row.updated_at, asked.value_or(row.updated_at)) + times.silence);
    return due;
}

std::vector<port::due_call> store::claim_due(const port::question_times& times, time_point now) {
    std::vector<port::due_call> out;
    for (const auto& [id, row] : calls_) {
        if (phase_of(row.call.state) == call::phase::ended) continue;
        std::optional<time_point> asked;
        if (const auto before = asked_.find(id); before != asked_.end()) asked = before->second;
        const auto due = due_at(row, times, asked, now);
        if (!due || (asked && *asked >= *due)) continue;
        asked_[id] = now;
        out.push_back({id, row.call.state.origin.call_session_id, asked});
    }
    return out;
}

void store::put_back(const port::due_call& c) {
    if (c.asked_before)
        asked_[c.call] = *c.asked_before;
    else
        asked_.erase(c.call);
}

std::vector<port::ledger_call>
store::ledger(call_id after, millis age, millis longest, time_point now) const {
    std::vector<port::ledger_call> out;
    for (const auto& [id, row] : calls_) {
        const auto& s = row.call.state;
        if (id <= after || phase_of(s) == call::phase::ended || now - s.began < age) continue;
        port::ledger_call one;
        one.call = id;
        one.call_session_id = s.origin.call_session_id;
        one.call_control_id = s.caller.call_control_id;
        one.overlong = now - s.began >= longest;
        for (const auto& l : s.legs)
            if (!l.ended && !l.call_control_id.empty()) one.legs.push_back({l.id, l.call_control_id});
        out.push_back(std::move(one));
    }
    return out;
}

port::standing store::standing_of(const port::listed_leg& listed, millis settled, time_point now) const {
    for (const auto& [id, row] : calls_) {
        const auto& s = row.call.state;
        const auto over = now - row.updated_at >= settled ? port::standing::over : port::standing::live;
        const bool ended = phase_of(s) == call::phase::ended;
        if (s.caller.call_control_id == listed.call_control_id) return ended ? over : port::standing::live;
        const auto* leg = listed.leg ? s.find(*listed.leg) : s.find_by_control_id(listed.call_control_id);
        if (leg == nullptr) continue;
        if (ended) return over;
        if (leg->call_control_id.empty()) return port::standing::unlearned;
        if (leg->call_control_id != listed.call_control_id) return port::standing::duplicate;
        return leg->alive() ? port::standing::live : over;
    }
    return port::standing::none;
}

} // namespace z360::testing
