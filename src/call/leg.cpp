// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/leg.hpp"

#include "call/parts.hpp"
#include "call/ring.hpp"

#include <z360/base/overloaded.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::legs {
namespace {

constexpr std::uint32_t k_unanswered = UINT32_MAX; // a question that failed
constexpr millis k_must_happen{600'000};           // hang-ups are tried for this long
constexpr std::size_t k_most_duplicates = 16;      // more would be an attack or a fault of ours, not a retry

// ---- facts

// The carrier has two calls for one dial. The first one is the leg; the other must not ring.
leg* duplicate_of(state& s, const leg& of, const std::string& control_id, bool dead) {
    const bool known =
        std::any_of(s.duplicates.begin(), s.duplicates.end(), [&control_id](const duplicate_leg& t) {
            return t.call_control_id == control_id;
        });
    if (!known && s.duplicates.size() < k_most_duplicates)
        s.duplicates.push_back({control_id, of.id, dead, false});
    return nullptr;
}

// Whoever's leg it is. `dead`: it is told of by its end.
leg* known(state& s, const leg_ref& who, bool dead = false) {
    return is_caller(s, who) ? &s.caller : met(s, who, dead);
}

// Of a number it says nothing: a carrier's voicemail answers too.
bool takes_by_answering(const leg& l) {
    return l.role == leg_role::device || l.role == leg_role::agent;
}

void answers(state& s, leg& l) {
    if (std::exchange(l.answered, true)) return; // a repeated answer of the winner means nothing (BE-25)
    // What the carrier was asked before says nothing of it any more: whoever dialed it may join it now (I21).
    if (l.cleared) doubt(l);
    if (takes_by_answering(l)) l.answer_order = ++s.answers;
}

void bridged(state& s, const leg_ref& who) {
    auto* l = known(s, who);
    if (l == nullptr) return;
    l->bridged = true;
    answers(s, *l); // a bridged leg is an answered one, even if that event was lost
}

void hung_up(state& s, const leg_hangup& e) {
    auto* l = known(s, e.who, true);
    // A command may have found the leg gone before this event; only the event knows why (BE-41).
    if (l == nullptr || (l->ended && (e.cause.empty() || !l->hangup_cause.empty()))) return;
    l->ended = true;
    l->hangup_cause = e.cause;
}

void held(state& s, const leg_hold& e) {
    auto* l = known(s, e.who);
    if (l != nullptr && e.at > l->hold.at) l->hold = {e.held, e.at};
}

// Judged once, by what is known then: whoever is joined to the caller, or about to be, stays (B28). A leg
// whose dial was given up may turn up yet: it does not ring its device then. Who is busy has missed the call,
// unless they have picked up here as well.
void withdraw(state& s, const ring_withdrawn& e) {
    for (auto& l : s.legs) {
        if ((!l.alive() && !l.may_turn_up()) || l.bridged || is_winner(s, l.id)) continue;
        if (std::find(e.devices.begin(), e.devices.end(), l.device()) == e.devices.end()) continue;
        if (!e.busy)
            l.withdrawn = true;
        else if (!l.answered)
            l.stopped = true;
    }
}

void told(state& s, const carrier_told& e) {
    for (auto& l : s.legs) {
        if (l.asked == 0 || e.round < l.asked || e.round > s.asked) continue;
        l.cleared = l.cleared || e.answered;
        if (!e.answered) l.asked = k_unanswered;
    }
}

void dialed(state& s, const command_outcome& e) {
    auto* l = e.who.leg ? met(s, e.who, e.result != outcome::done) : nullptr;
    if (l == nullptr) return;
    // Given up as no longer wanted: the node that issued it may have sent it all the same.
    l->expired = l->expired || e.result == outcome::expired || e.result == outcome::superseded;
    // 2xx without a control id: a webhook will tell.
    if (l->dial != dial_status::accepted && e.result != outcome::done) l->dial = dial_status::failed;
}

void gone(state& s, const command_outcome& e) {
    if (e.result != outcome::peer_gone && e.result != outcome::done) return;
    const bool is_gone = e.result == outcome::peer_gone; // done: the call.hangup event follows
    if (!e.who.leg) {
        s.caller.ended = s.caller.ended || is_gone;
    } else if (auto* l = s.find(*e.who.leg); l != nullptr && l->call_control_id == e.who.call_control_id) {
        l->ended = l->ended || is_gone;
        l->hung_up = true;
    }
}

void outcome_of(state& s, const command_outcome& e) {
    switch (e.what) {
    case verb::dial: return dialed(s, e);
    case verb::hangup:
    case verb::reject: return gone(s, e);
    case verb::answer: s.caller.answered = s.caller.answered || e.result == outcome::done; [[fallthrough]];
    case verb::speak:
    case verb::playback_start:
    case verb::playback_stop:
    case verb::record_start: // of a device's leg: the talk's, whose end nothing but a hang-up tells
        s.caller.ended = s.caller.ended || (!e.who.leg && e.result == outcome::peer_gone);
        return;
    case verb::record_pause:
    case verb::record_resume: return;      // "not found" may be said of the recording
    case verb::gather_using_speak: return; // the mobile number's
    case verb::bridge: return;             // the join's
    case verb::transfer: return;           // outbound's
    }
}

void absorb(state& s, const event& what, time_point) {
    std::visit(
        overloaded{
            [&](const leg_initiated& e) {
                if (auto* l = known(s, e.who)) l->initiated = true;
            },
            [&](const leg_answered& e) {
                if (auto* l = known(s, e.who)) answers(s, *l);
            },
            [&](const leg_bridged& e) { bridged(s, e.who); },
            [&](const leg_hangup& e) { hung_up(s, e); },
            [&](const leg_hold& e) { held(s, e); },
            [&](const ring_withdrawn& e) { withdraw(s, e); },
            [&](const carrier_told& e) { told(s, e); },
            [&](const command_outcome& e) { outcome_of(s, e); },
            [&](const tick&) { // the carrier could not be asked: again
                for (auto& l : s.legs)
                    if (l.asked == k_unanswered) l.asked = 0;
            },
            [](const auto&) {},
        },
        what
    );
}

// ---- words

struct words {
    remark answered, ended;
};
words words_for(const leg& l) {
    switch (l.role) {
    case leg_role::agent: return {remark::agent_answered, remark::agent_leg_ended};
    case leg_role::peer:
        if (l.ring == 0) return {remark::peer_answered, remark::peer_leg_ended};
        return {remark::mobile_answered, remark::mobile_leg_ended};
    case leg_role::device:
    case leg_role::caller: break;
    }
    return {remark::device_answered, remark::device_leg_ended};
}

void narrate_outcome(const command_outcome& e, const state& after, effects& out) {
    const auto how = "outcome=" + std::string(name(e.result)) + " " + error_of(e);
    const bool in_vain = e.result == outcome::refused || e.result == outcome::expired;
    if (e.what == verb::answer && in_vain) add_note(out, remark::answer_failed, how);
    if (e.what != verb::dial || e.result == outcome::done || !e.who.leg) return;
    const auto* l = after.find(*e.who.leg);
    if (l != nullptr && l->dial == dial_status::failed)
        add_note(out, remark::dial_failed, "leg=" + l->id.text() + " " + how);
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    for (auto i = before.duplicates.size(); i < after.duplicates.size(); ++i)
        add_note(out, remark::duplicate_leg, "leg=" + after.duplicates[i].leg.text());
    if (!before.caller.ended && std::holds_alternative<leg_hangup>(what) && after.caller.ended)
        add_note(out, remark::caller_hung_up, "cause=" + after.caller.hangup_cause);
    for (std::size_t i = 0; i < before.legs.size(); ++i) { // a leg that has just been added has no news yet
        const auto& was = before.legs[i];
        const auto& is = after.legs[i];
        const auto id = [&is] { return "leg=" + is.id.text(); };
        if (is.answered && !was.answered && std::holds_alternative<leg_answered>(what))
            add_note(out, words_for(is).answered, id());
        if (is.withdrawn && !was.withdrawn) add_note(out, remark::device_withdrawn, id());
        if (is.stopped && !was.stopped) add_note(out, remark::branch_stopped, id() + " why=busy");
        const bool news = is.ended && (!was.ended || is.hangup_cause != was.hangup_cause);
        if (news && std::holds_alternative<leg_hangup>(what))
            add_note(out, words_for(is).ended, id() + " cause=" + is.hangup_cause);
    }
    if (const auto* e = std::get_if<command_outcome>(&what)) narrate_outcome(*e, after, out);
}

// ---- ends

command hangup_command(
    const state& s, std::string id, std::string control_id, std::optional<leg_id> of, release_reason why,
    time_point now
) {
    auto c = caller_command(s, std::move(id), now, k_must_happen, hangup_body{why});
    c.call_control_id = std::move(control_id);
    c.leg = of;
    return c;
}

void ask_about(state& s, leg& l, effects& out) {
    if (l.asked != 0) return;
    l.asked = ++s.asked;
    out.emplace_back(inquiry{l.asked});
}

// Nobody keeps it.
void release(state& s, leg& l, effects& out) {
    if (in_doubt(s, l)) return ask_about(s, l, out);
    l.release = why_released(s, l);
    if (l.bridged && !is_winner(s, l.id) && phase_of(s) == phase::active)
        add_note(out, remark::second_bridge_dropped, "leg=" + l.id.text());
}

void hang_up(const state& s, leg& l, effects& out, time_point now) {
    l.hangup_sent = true;
    std::string id = l.id.text() + "-hangup"; // one that was taken back is not this one
    if (l.spared > 0) id += "-" + std::to_string(l.spared + 1);
    out.emplace_back(hangup_command(s, std::move(id), l.call_control_id, l.id, l.release, now));
}

void hang_up_duplicates(state& s, effects& out, time_point now) {
    for (std::size_t i = 0; i < s.duplicates.size(); ++i) {
        auto& t = s.duplicates[i];
        if (t.ended || std::exchange(t.hangup_sent, true)) continue;
        const auto id = t.leg.text() + "-hangup-twin-" + std::to_string(i + 1);
        out.emplace_back(hangup_command(s, id, t.call_control_id, t.leg, release_reason::call_over, now));
    }
}

void let_caller_go(state& s, effects& out, time_point now) {
    if (!over(s) || s.caller.ended || std::exchange(s.caller.hangup_sent, true)) return;
    if (s.reason == end_reason::rejected && s.voicemail.step == voicemail_step::none && !is_placed(s))
        out.emplace_back(caller_command(s, caller_id(s, "reject"), now, k_must_happen, reject_body{}));
    else
        out.emplace_back(hangup_command(
            s, caller_id(s, "hangup"), s.caller.call_control_id, std::nullopt, release_reason::call_over, now
        ));
}

// The last to settle: what may live is known when nothing else moves.
bool settle(state& s, effects& out, const circumstances& c) {
    hang_up_duplicates(s, out, c.now);
    for (auto& l : s.legs) {
        if (l.ended) continue;
        const bool there = l.release == release_reason::none && l.dial != dial_status::failed;
        if (there && (l.called_off() || !kept(c.parts, s, l, c.may))) release(s, l, out);
        if (l.release == release_reason::none || l.hangup_sent || l.call_control_id.empty()) continue;
        if (in_doubt(s, l)) // it has answered since it was asked about
            ask_about(s, l, out);
        else
            hang_up(s, l, out, c.now);
    }
    let_caller_go(s, out, c.now);
    return false;
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    if (cmd == nullptr) return false;
    switch (cmd->what()) {
    case verb::answer: return !over(s) && !s.caller.answered;
    case verb::reject: return true;
    case verb::hangup: break;
    case verb::dial:
    case verb::transfer:
    case verb::bridge:
    case verb::speak:
    case verb::playback_start:
    case verb::playback_stop:
    case verb::record_start:
    case verb::record_pause:
    case verb::record_resume:
    case verb::gather_using_speak: return false;
    }
    if (!cmd->leg) return !s.caller.ended;
    const auto* l = s.find(*cmd->leg);
    // A duplicate has another control id than the leg: its own end is not in the state, so always try.
    if (l == nullptr || l->call_control_id != cmd->call_control_id) return true;
    return !l->ended && l->release != release_reason::none;
}

bool may_be_rung(const leg& l) {
    switch (l.role) {
    case leg_role::device: return l.goes_to() != nullptr;
    case leg_role::peer: return std::holds_alternative<e164>(l.to);
    case leg_role::agent: return std::holds_alternative<sip_uri>(l.to);
    case leg_role::caller: break;
    }
    return false;
}

const char* broken(const state& s) {
    const bool no_ring = over(s) || s.voicemail.step != voicemail_step::none;
    for (const auto& l : s.legs) {
        if (s.find(l.id) != &l || l.id == s.caller.id) return "every_leg_has_an_id_of_its_own";
        const bool asked_about = in_doubt(s, l) && l.asked > 0;
        if (no_ring && l.alive() && !asked_about) return "no_leg_outlives_its_ring";
        const bool waits = l.release != release_reason::none && !l.ended && !l.hangup_sent;
        if (waits && !l.call_control_id.empty() && !asked_about) return "released_leg_is_hung_up";
        const bool takes = takes_by_answering(l) ? l.answered : l.confirmed;
        if (takes != l.takes_call()) return "answers_are_ordered";
        if (l.ring > s.rings.size()) return "who_is_rung_is_in_a_ring";
        if (l.ring != 0 && !may_be_rung(l)) return "what_is_rung_is_a_device_a_number_or_an_agent";
    }
    const bool caller = s.caller.role == leg_role::caller && s.caller.id == caller_leg_id(s.id);
    const bool ours = s.caller.goes_to() != nullptr;
    return caller && ours == is_placed(s) ? nullptr : "the_caller_is_a_leg_of_its_own";
}

} // namespace

const component k_component{absorb, narrate, settle, nullptr, nullptr, wants, broken};

namespace {

constexpr std::size_t k_most_strangers = 400; // as many as a plan rings, in rotation all of them

// Whom the route names, though this copy has not rung them.
std::optional<leg> leg_of_route(const state& s, const leg_id& id) {
    for (const auto* all : {&s.routed.targets, &s.routed.left_out})
        for (const auto& t : *all)
            if (auto l = rings::device_leg(s, t); l.id == id) return l;
    return std::nullopt;
}

// A leg of ours that this copy knows nothing of: another one has rung whom this one left out, or came too
// late to ring. It is let go, and first the carrier is asked, for it may have been joined since (I21).
leg* stranger_met(state& s, const leg_ref& who) {
    if (who.call_control_id.empty() || who.call_control_id == s.caller.call_control_id) return nullptr;
    const auto is = [](const leg& l) { return l.ring == 0; };
    if (std::count_if(s.legs.begin(), s.legs.end(), is) >= static_cast<std::ptrdiff_t>(k_most_strangers))
        return nullptr;
    leg l;
    if (auto named = leg_of_route(s, *who.leg)) {
        l = std::move(*named);
        l.ring = 0;
    } else {
        l.id = *who.leg;
        l.role = leg_role::peer;
        l.to = sip_uri{"sip:unknown"};
    }
    doubt(l);
    return &s.legs.emplace_back(std::move(l));
}

} // namespace

leg* met(state& s, const leg_ref& who, bool dead) {
    leg* found = nullptr;
    if (who.leg) found = s.find(*who.leg);
    if (found == nullptr && !who.call_control_id.empty()) {
        for (auto& l : s.legs)
            if (l.call_control_id == who.call_control_id) found = &l;
    }
    if (found == nullptr && who.leg) found = rings::number_met(s, *who.leg);
    if (found == nullptr && who.leg) found = stranger_met(s, who);
    if (found == nullptr || who.call_control_id.empty()) return found;
    if (found->call_control_id.empty()) {
        found->call_control_id = who.call_control_id;
        found->dial = dial_status::accepted; // also after the dial was given up: the carrier knows better
        // Nothing was known of it when its ring ended, or when the carrier was asked about it: whoever dialed
        // it may have joined it since (I21).
        const bool judged = found->release != release_reason::none || found->stopped || found->cleared;
        if (!dead && judged && !found->hangup_sent) doubt(*found);
    } else if (found->call_control_id != who.call_control_id) {
        return duplicate_of(s, *found, who.call_control_id, dead);
    }
    return found;
}

leg caller_of(const incoming& what) {
    leg l;
    l.id = caller_leg_id(what.id);
    l.role = leg_role::caller;
    l.to = endpoint_of(what.from);
    l.dial = dial_status::accepted; // we did not dial it, and it is there
    l.call_control_id = what.call_control_id;
    l.initiated = true;
    return l;
}

release_reason why_released(const state& s, const leg& l) {
    if (l.called_off()) return release_reason::device_removed;
    if (l.stopped && !over(s)) return release_reason::ring_timeout;
    switch (phase_of(s)) {
    case phase::ended:
        if (s.reason == end_reason::caller_cancelled) return release_reason::caller_gone;
        if (s.reason == end_reason::completed || s.reason == end_reason::no_media)
            return is_winner(s, l.id) ? release_reason::call_over : release_reason::answered_elsewhere;
        return release_reason::ring_timeout;
    case phase::voicemail: return release_reason::ring_timeout;
    case phase::ringing: // of an earlier ring, then
    case phase::answering:
    case phase::bridging:
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting: break;
    }
    const bool in_vain = l.ring != 0 && l.ring <= s.rings.size() && rings::in_vain(s.rings[l.ring - 1]);
    return in_vain ? release_reason::ring_timeout : release_reason::answered_elsewhere;
}

bool is_caller(const state& s, const leg_ref& who) {
    return !who.leg && !who.call_control_id.empty() && who.call_control_id == s.caller.call_control_id;
}

bool any_may_answer(const state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&s](const auto& l) {
        return is_rung_now(s, l) && l.alive() && !out_of_race(s, l.id);
    });
}

bool ask_about_unsent(state& s, effects& out) {
    bool open = false;
    std::uint32_t round = 0;
    for (auto& l : s.legs) {
        if (l.dial != dial_status::failed || !l.expired || l.cleared) continue;
        if (l.ended) continue; // withdrawn or not: it may have been joined elsewhere
        open = true;
        if (l.asked != 0) continue;
        if (round == 0) {
            round = ++s.asked;
            out.emplace_back(inquiry{round});
        }
        l.asked = round;
    }
    return open;
}

void forget_answers(state& s) {
    for (auto& l : s.legs) {
        l.asked = 0;
        l.cleared = false;
    }
}

bool in_doubt(const state& s, const leg& l) {
    return phase_of(s) == phase::voicemail && l.expired && !l.cleared && !l.called_off();
}

bool dismissed(const leg& l) {
    return l.declined || l.hangup_cause == "call_rejected" || l.hangup_cause == "user_busy";
}

void doubt(leg& l) {
    l.expired = true;
    l.cleared = false;
    l.asked = 0;
}

void spare(leg& l) {
    if (l.hangup_sent) ++l.spared;
    l.hangup_sent = false;
    l.release = release_reason::none;
    l.withdrawn = false;
    l.declined = false;
    l.stopped = false;
    l.until.reset();
}

} // namespace z360::call::legs
