// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/talk.hpp"

#include "call/join.hpp"
#include "call/outbound.hpp"
#include "call/ring.hpp"

#include <algorithm>
#include <string>

namespace z360::call {
namespace talk {
namespace {

bool was_joined(const state& s) {
    if (const auto* j = current_join(s); j != nullptr && j->accepted) return true;
    return s.caller.bridged &&
           std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.bridged; });
}

// Both sides were joined and the device's side has ended: the events only arrived in another order.
bool talk_is_over(const state& s) {
    if (!s.caller.bridged) return false;
    bool any = false;
    for (const auto& l : s.legs) {
        if (!l.bridged) continue;
        if (!l.ended) return false;
        any = true;
    }
    return any;
}

// What the caller's departure means, by the facts alone: it must not matter which of them came first.
end_reason reason_of_departure(const state& s) {
    if (turned_away(s)) return end_reason::rejected;
    if (is_placed(s)) return outbound::reason_of(s);
    if (was_joined(s)) return end_reason::completed;
    // Voicemail that could not even answer has not been heard by anybody.
    return s.voicemail.step != voicemail_step::none && s.caller.answered ? end_reason::voicemail
                                                                         : end_reason::caller_cancelled;
}

// Facts may arrive after the end; the reason follows them, the phase does not move (I10).
void correct_reason(state& s, effects& out) {
    if (s.reason == end_reason::completed || s.reason == end_reason::rejected ||
        s.reason == end_reason::no_media)
        return;
    const auto better = reason_of_departure(s);
    if (better == s.reason) return;
    const bool joined = better == end_reason::completed;
    const bool heard = better == end_reason::voicemail && s.reason == end_reason::caller_cancelled;
    if (!joined && !heard && !is_placed(s)) return;
    s.reason = better;
    add_note(out, remark::end_reason, "reason=" + std::string(name(better)));
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (over(s)) {
        correct_reason(s, out);
        return false;
    }
    if (bridged_at(s)) {
        const auto* w = winner(s);
        if (!s.caller.ended && w != nullptr && !w->ended) return false;
        end(s, out, end_reason::completed, c.now);
        return true;
    }
    if (talk_is_over(s))
        end(s, out, end_reason::completed, c.now);
    else if (s.caller.ended)
        end(s, out, reason_of_departure(s), c.now);
    return over(s);
}

const char* broken(const state& s) {
    const bool has_reason = s.reason != end_reason::none;
    return has_reason != over(s) ? "an_end_and_only_an_end_has_a_reason" : nullptr;
}

} // namespace

const component k_component{nullptr, nullptr, settle, nullptr, nullptr, nullptr, broken};

} // namespace talk

const leg* talking(const state& s) {
    switch (phase_of(s)) {
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold: return winner(s);
    case phase::ringing:
    case phase::answering:
    case phase::bridging:
    case phase::reconnecting:
    case phase::voicemail:
    case phase::ended: return nullptr;
    }
    return nullptr;
}

bool talks_by(const state& s, device_id device) {
    const auto* l = talking(s);
    return l != nullptr && !device.none() && (l->device() == device || s.caller.device() == device);
}

void end(state& s, effects& out, end_reason why, time_point now) {
    s.reason = why;
    s.ended_at = now;
    joins::end(s, now);
    if (const auto* r = current_ring(s); r != nullptr && r->over == ring_end::none)
        rings::end(s, ring_end::call_over, now);
    add_note(out, remark::call_ended, "reason=" + std::string(name(why)));
}

} // namespace z360::call
