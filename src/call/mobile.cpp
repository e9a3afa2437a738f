// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/mobile.hpp"

#include "call/leg.hpp"
#include "call/notice.hpp"
#include "call/ring.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::mobile {
namespace {

constexpr const char* k_key = "1";
constexpr millis k_earliest{10'000}; // unless no device is left
constexpr millis k_before_the_end{5'000};
constexpr millis k_rings_at_least{15'000}; // a mobile network takes seconds before anything rings
constexpr millis k_to_press{20'000};       // the prompt twice, and time to find the key
constexpr millis k_may_be_tried{5'000};

bool is_mobile(const state& s, const leg& l) {
    return l.role == leg_role::peer && is_rung_now(s, l);
}

template <class State>
auto* rung(State& s) {
    const auto is = [&s](const leg& l) { return is_mobile(s, l); };
    const auto found = std::find_if(s.legs.begin(), s.legs.end(), is);
    return found == s.legs.end() ? nullptr : &*found;
}

std::string prompt_id(const leg& l) {
    return l.id.text() + "-confirm";
}

// ---- facts

void pressed(state& s, const digits_gathered& e) {
    auto* l = legs::met(s, e.who);
    if (l == nullptr || l->role != leg_role::peer) return;
    if (e.digits != k_key) {
        l->declined = l->declined || !l->confirmed;
        return;
    }
    l->declined = false;
    l->answered = true; // nobody presses a key before
    if (!std::exchange(l->confirmed, true)) l->answer_order = ++s.answers;
}

// Whoever cannot be asked cannot say that they want it.
void not_asked(state& s, const command_outcome& e) {
    for (auto& l : s.legs) {
        if (l.role != leg_role::peer || e.command_id != prompt_id(l)) continue;
        if (e.result == outcome::peer_gone) l.ended = true;
        // Not heard of is no refusal: the prompt may have been played, and the key pressed, elsewhere (I21).
        if (e.result == outcome::refused) l.declined = l.declined || !l.confirmed;
    }
}

// Whom the database names beside, or in place of, the devices: the person, who has left (B28). A leg that is
// there is let go as a device's; a number that would be dialed later is not.
void left(state& s, const ring_withdrawn& e) {
    const bool number = std::find(e.devices.begin(), e.devices.end(), device_id{}) != e.devices.end();
    const auto p = phase_of(s);
    const bool rings_on = p == phase::ringing || p == phase::answering || p == phase::bridging;
    if (number && rings_on && rung(s) == nullptr) rings::spare_number(s);
}

// A number that an organisation trusts to be picked up by people, such as an answering service.
void takes_unasked(state& s, const leg_ref& who) {
    auto* l = legs::met(s, who);
    if (l != nullptr && l->unasked && !std::exchange(l->confirmed, true)) l->answer_order = ++s.answers;
}

void absorb(state& s, const event& what, time_point) {
    if (const auto* e = std::get_if<ring_withdrawn>(&what)) left(s, *e);
    if (const auto* e = std::get_if<digits_gathered>(&what)) pressed(s, *e);
    const auto* o = std::get_if<command_outcome>(&what);
    if (o != nullptr && o->what == verb::gather_using_speak) not_asked(s, *o);
    if (const auto* e = std::get_if<leg_answered>(&what)) takes_unasked(s, e->who);
    if (const auto* e = std::get_if<leg_bridged>(&what)) takes_unasked(s, e->who);
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    for (std::size_t i = 0; i < before.legs.size(); ++i) {
        const auto& was = before.legs[i];
        const auto& is = after.legs[i];
        if (is.role != leg_role::peer) continue;
        if (is.confirmed && !was.confirmed && !is.unasked)
            add_note(out, remark::mobile_confirmed, "leg=" + is.id.text());
        if (!is.declined || was.declined) continue;
        std::string why = " why=no_key";
        if (const auto* o = std::get_if<command_outcome>(&what))
            why = " outcome=" + std::string(name(o->result)) + " " + error_of(*o);
        add_note(out, remark::mobile_refused, "leg=" + is.id.text() + why);
    }
}

// ---- decisions

// Somebody of theirs has seen that it rings.
bool seen(const state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&s](const leg& l) {
        return is_rung_now(s, l) && l.role == leg_role::device && (l.answered || legs::dismissed(l));
    });
}

// A phone has said that the call has come, and rings for all we know. One whose leg is gone, and which may
// lie at home, counts for nothing.
bool rings_somewhere(const state& s) {
    return std::any_of(s.notices.begin(), s.notices.end(), [&s](const notice& n) {
        return n.ring == s.rings.size() && n.acknowledged &&
               std::any_of(s.legs.begin(), s.legs.end(), [&](const leg& l) {
                   return l.device() == n.device && is_rung_now(s, l) && l.alive();
               });
    });
}

// Early enough for whoever set a time beyond the ring's, too.
time_point when(const state& s, const ring& r) {
    const auto ring_time = s.routed.rules.ring_time;
    const auto set = s.routed.rules.mobile_after;
    const auto after = set > millis{0} ? set : std::max(k_earliest, ring_time / 2);
    return r.began + std::min(after, std::max(ring_time - k_before_the_end, ring_time / 2));
}

// Null: nobody is rung, or there is nothing (more) to dial.
const ring* to_dial_in(const state& s) {
    const auto* r = current_ring(s);
    if (s.routed.mobile.empty() || r == nullptr || r->over != ring_end::none ||
        phase_of(s) != phase::ringing || rung(s) != nullptr)
        return nullptr;
    if (text_of(s.caller.to) == s.routed.mobile) return nullptr; // it is they who call
    const bool gone = std::any_of(s.legs.begin(), s.legs.end(), [](const leg& l) {
        return l.role == leg_role::peer && l.withdrawn;
    });
    return gone || seen(s) ? nullptr : r;
}

bool nobody_is_left(const state& s) {
    const bool any =
        std::any_of(s.legs.begin(), s.legs.end(), [&s](const leg& l) { return is_rung_now(s, l); });
    // Of a ring that had devices and dialed none, the caller had waited too long already.
    return (any || s.routed.targets.empty()) && !legs::any_may_answer(s) && !notices::awaited(s);
}

void ask(state& s, effects& out, leg& l, time_point now) {
    if (!l.answered || l.confirmed || l.prompted || !l.alive() || l.call_control_id.empty()) return;
    l.prompted = true;
    auto& r = *current_ring(s);
    r.deadline = std::max(r.deadline, now + k_to_press);
    if (l.until) l.until = std::max(*l.until, now + k_to_press);
    gather_using_speak_body body;
    body.text = s.routed.rules.mobile_prompt;
    body.voice = s.routed.rules.voice;
    body.keys = k_key;
    auto c = caller_command(s, prompt_id(l), now, k_may_be_tried, std::move(body));
    c.call_control_id = l.call_control_id;
    c.leg = l.id;
    out.emplace_back(std::move(c));
}

bool settle(state& s, effects& out, const circumstances& c) {
    if (phase_of(s) != phase::ringing) return false;
    for (auto& l : s.legs)
        if (is_mobile(s, l)) ask(s, out, l, c.now);
    const auto* r = to_dial_in(s);
    if (r == nullptr || c.now >= r->deadline) return false;
    if ((rings_somewhere(s) || c.now < when(s, *r)) && !nobody_is_left(s)) return false;
    add_note(out, remark::mobile_rung);
    rings::dial_number(s, out, e164{s.routed.mobile}, k_rings_at_least, c.now);
    return true;
}

std::optional<time_point> deadline(const state& s) {
    const auto* r = to_dial_in(s);
    if (r == nullptr || rings_somewhere(s) || when(s, *r) >= r->deadline) return std::nullopt;
    return when(s, *r);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    if (cmd == nullptr || cmd->what() != verb::gather_using_speak || !cmd->leg) return false;
    const auto* l = s.find(*cmd->leg);
    return phase_of(s) == phase::ringing && l != nullptr && l->alive() && !l->confirmed;
}

const char* broken(const state& s) {
    for (const auto& l : s.legs) {
        if (l.role != leg_role::peer) {
            if (l.prompted || l.confirmed) return "only_a_number_is_asked_for_a_key";
            continue;
        }
        if (is_winner(s, l.id) && !l.confirmed && !l.bridged) return "a_voicemail_of_a_carrier_never_wins";
    }
    return nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, nullptr, wants, broken};

bool is_asked(const state& s) {
    return std::any_of(s.legs.begin(), s.legs.end(), [&s](const leg& l) {
        return is_mobile(s, l) && l.alive() && l.prompted && !l.confirmed;
    });
}

} // namespace z360::call::mobile
