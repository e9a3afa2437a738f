// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/waves.hpp"

#include <z360/call/view.hpp>

#include <algorithm>

namespace z360::call {
namespace {

// What was joined until its end, or the call's.
millis talk_of(const state& s) {
    millis out{0};
    for (const auto& j : s.joins)
        if (j.joined_at) out += j.over_at.value_or(s.ended_at.value_or(*j.joined_at)) - *j.joined_at;
    return out;
}

leg_step step_of(const leg& l) {
    if (l.awaits_turn()) return leg_step::none;
    if (l.dial == dial_status::failed) return leg_step::failed;
    if (l.ended) return leg_step::ended;
    if (l.release != release_reason::none) return leg_step::released;
    if (l.bridged) return leg_step::bridged;
    if (l.answered) return leg_step::answered;
    if (l.initiated) return leg_step::ringing;
    return l.dial == dial_status::accepted ? leg_step::dialed : leg_step::dialing;
}

// Winner before living before dead.
int weight(const state& s, const leg& l) {
    if (is_winner(s, l.id)) return 3;
    if (l.bridged) return 2;
    return l.may_live() ? 1 : 0;
}

const leg* winner_of(const state& s) {
    if (const auto* w = winner(s)) return w;
    const auto joined = std::find_if(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.bridged; });
    return joined == s.legs.end() ? nullptr : &*joined;
}

leg_view leg_seen(const state& s, const leg& l, bool by_operator) {
    leg_view v;
    v.device = l.device();
    if (const auto* to = l.goes_to()) v.device_name = to->device_name;
    v.status = status_of(l);
    v.step = step_of(l);
    v.alive = l.alive();
    v.rings = l.alive() && !l.awaits_turn() && !l.answered && phase_of(s) == phase::ringing;
    v.answered = l.answered;
    v.won = is_winner(s, l.id);
    v.declined = l.declined;
    v.release = l.release;
    if (by_operator) v.hangup_cause = l.hangup_cause;
    return v;
}

// Nobody of ours talked to them, and nobody was to blame but the phone that was not picked up.
bool missed(const state& s) {
    if (!over(s) || bridged_at(s) || is_placed(s)) return false;
    switch (s.reason) {
    case end_reason::caller_cancelled:
    case end_reason::voicemail:
    case end_reason::failed: return true;
    case end_reason::none:
    case end_reason::completed:
    case end_reason::rejected:
    case end_reason::busy:
    case end_reason::no_answer:
    case end_reason::no_media: return false;
    }
    return false;
}

// One of the person's own devices, and of the one person who is called their mobile number too.
bool is_for(const state& s, const leg& l, user_id user) {
    if (l.goes_to() == nullptr) return user == s.routed.user;
    return person_of(s.routed, *l.goes_to()) == user && !l.awaits_turn();
}

// Of several whom a plan rings, whoever's turn has come; if nobody was rung at all, everybody.
bool was_called(const state& s, user_id user) {
    if (user.none()) return false;
    if (user == s.routed.user) return true;
    if (std::any_of(s.legs.begin(), s.legs.end(), [&](const leg& l) { return is_for(s, l, user); }))
        return true;
    const auto& out = s.routed.left_out;
    const bool left_out =
        std::any_of(out.begin(), out.end(), [&](const target& t) { return person_of(s.routed, t) == user; });
    if (left_out && waves::has_begun(s, user)) return true; // they have missed it
    const auto all = people_of(s.routed);
    return s.legs.empty() && std::find(all.begin(), all.end(), user) != all.end();
}

bool may_see(const state& s, const viewer& who) {
    if (!who.org.none() && who.org != s.routed.org) return false;
    return who.who == viewer::as::overseer || was_called(s, who.user);
}

} // namespace

std::string_view name(leg_step s) {
    switch (s) {
    case leg_step::none: return "none";
    case leg_step::dialing: return "dialing";
    case leg_step::dialed: return "dialed";
    case leg_step::ringing: return "ringing";
    case leg_step::answered: return "answered";
    case leg_step::bridged: return "bridged";
    case leg_step::ended: return "ended";
    case leg_step::released: return "released";
    case leg_step::failed: return "failed";
    }
    return "?";
}

const leg* leg_of(const state& s, device_id d) {
    const leg* best = nullptr;
    if (d.none()) return best;
    if (s.caller.device() == d) return &s.caller;
    for (const auto& l : s.legs)
        if (l.device() == d && !l.awaits_turn() && (best == nullptr || weight(s, l) > weight(s, *best)))
            best = &l;
    return best;
}

std::optional<view> view_of(const state& s, const viewer& who) {
    if (!may_see(s, who)) return std::nullopt;
    view v;
    v.id = s.id;
    v.session = s.origin.call_session_id.empty() ? s.id.text() : s.origin.call_session_id;
    v.at = phase_of(s);
    v.reason = s.reason;
    v.user = s.routed.user;
    v.org = s.routed.org;
    v.outbound = is_placed(s);
    v.caller_number = other_party(s);
    v.caller_name = s.routed.caller_name;
    v.number = s.routed.number_e164;
    if (const auto* w = winner_of(s)) v.winner = v.outbound ? s.caller.device() : w->device();
    v.missed = missed(s);
    v.recording = recording_seen(s);
    v.began = s.began;
    v.ring_time = v.outbound ? s.routed.placed->ring_time : s.routed.rules.ring_time;
    v.ring_deadline = s.began + v.ring_time;
    if (const auto* r = current_ring(s)) v.ring_deadline = r->deadline;
    v.answered_at = s.answered_at;
    v.bridged_at = bridged_at(s);
    if (over(s) && v.bridged_at) v.talk = talk_of(s);
    v.ended_at = s.ended_at;
    if (who.who != viewer::as::device) {
        const bool all = who.who == viewer::as::overseer;
        for (const auto& l : s.legs)
            if (all || is_for(s, l, who.user)) v.legs.push_back(leg_seen(s, l, all));
        return v;
    }
    for (int k = 0; k < k_request_count; ++k)
        if (const auto kind = static_cast<request_kind>(k); judge(s, kind, who.device) == refusal::none)
            v.allowed.push_back(kind);
    const auto* mine = leg_of(s, who.device);
    if (mine == nullptr) return v;
    v.mine = leg_seen(s, *mine, false);
    if (mine == &s.caller) v.mine->rings = false; // it calls
    v.answered_elsewhere =
        !is_winner(s, mine->id) && !mine->bridged && mine->release == release_reason::answered_elsewhere;
    return v;
}

} // namespace z360::call
