// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/outbound.hpp"

#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/talk.hpp"
#include "call/voicemail.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::outbound {
namespace {

constexpr millis k_may_be_tried{10'000}; // whoever calls hears nothing meanwhile
constexpr millis k_told_within{5'000};   // from the carrier's own limit until its word of that counts as lost
constexpr millis k_ask_again{2'000};     // times the number of questions …
constexpr millis k_ask_again_longest{10'000};
constexpr std::uint32_t k_most_questions = 20; // without an answer: some three minutes
constexpr millis k_joined_within{3'000};       // from the answer: the carrier joins by itself

std::string transfer_id(const leg& to) {
    return to.id.text() + "-transfer";
}

// ---- facts

// Whether the carrier has made the leg it does not say here: its own events do.
void absorb(state& s, const event& what, time_point) {
    const auto* o = std::get_if<command_outcome>(&what);
    auto* to = placed_to(s);
    if (o == nullptr || to == nullptr || o->what != verb::transfer || o->command_id != transfer_id(*to))
        return;
    if (o->result == outcome::peer_gone) s.caller.ended = true; // the addressed leg, which is our device's
    to->expired = to->expired || o->result == outcome::expired || o->result == outcome::superseded;
    if (o->result != outcome::done && to->dial != dial_status::accepted) to->dial = dial_status::failed;
}

void narrate(const state& before, const event& what, const state& after, effects& out) {
    const auto* o = std::get_if<command_outcome>(&what);
    const auto* was = placed_to(before);
    const auto* is = placed_to(after);
    if (o == nullptr || was == nullptr || is == nullptr || was->dial == is->dial) return;
    if (is->dial == dial_status::failed)
        add_note(
            out, remark::transfer_failed, "outcome=" + std::string(name(o->result)) + " " + error_of(*o)
        );
}

bool is_busy(std::string_view cause) {
    return cause == "user_busy" || cause == "call_rejected";
}
bool is_unanswered(std::string_view cause) {
    return cause == "timeout" || cause == "no_answer" || cause == "no_user_response";
}
/// What the carrier says of either leg when whoever called has left.
bool is_cancelled(std::string_view cause) {
    return cause.empty() || cause == "originator_cancel" || cause == "normal_clearing";
}

// ---- decisions

leg leg_to(const state& s) {
    leg l;
    l.id = placed_leg_id(s.id);
    l.role = leg_role::peer;
    l.to = e164{s.routed.placed->to};
    l.unasked = true; // whom we call need press no key
    return l;
}

void order(state& s, effects& out, time_point now) {
    const auto& p = *s.routed.placed;
    const auto& to = s.legs.emplace_back(leg_to(s));
    auto c = caller_command(s, transfer_id(to), now, k_may_be_tried, transfer_body{});
    c.leg = to.id;
    auto& body = std::get<transfer_body>(c.body);
    body.leg = to.id;
    body.number = p.to;
    body.from = s.routed.number_e164;
    body.timeout_secs = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(p.ring_time).count());
    body.record = s.routed.rules.record_calls;
    body.recording_name = s.id.text();
    out.emplace_back(std::move(c));
    s.placed.limit = now + k_may_be_tried + p.ring_time + k_told_within;
}

// Nothing was heard for longer than it can take: what is on record decides. The carrier's word that there is
// no more is proof, for the order cannot be sent any more.
bool look(state& s, leg& to, effects& out, const circumstances& c) {
    if (!s.placed.limit || c.now < *s.placed.limit || c.may != authority::newest) return false;
    const bool told = to.cleared || s.placed.asked >= k_most_questions;
    if (told) {
        end(s, out, reason_of(s), c.now);
        return true;
    }
    if (to.asked == 0) {
        to.asked = ++s.asked;
        add_note(out, remark::carrier_asked, "round=" + std::to_string(to.asked));
        out.emplace_back(inquiry{to.asked});
    }
    s.placed.limit = c.now + std::min(k_ask_again * ++s.placed.asked, k_ask_again_longest);
    return false;
}

bool settle(state& s, effects& out, const circumstances& c) {
    auto* to = placed_to(s);
    if (to == nullptr || phase_of(s) != phase::ringing) return false;
    const bool refused = to->dial == dial_status::failed && !to->expired;
    if (refused || to->ended || out_of_race(s, to->id)) {
        end(s, out, reason_of(s), c.now);
        return true;
    }
    if (to->answered && to->alive()) {
        if (!s.answered_at) s.answered_at = c.now;
        joins::expect(s, *to, c.now + k_joined_within);
        return true;
    }
    // Given up, and nobody knows whether it was sent: asked at once.
    if (to->expired && s.placed.asked == 0 && s.placed.limit)
        s.placed.limit = std::min(*s.placed.limit, c.now);
    return look(s, *to, out, c);
}

std::optional<time_point> deadline(const state& s) {
    return placed_to(s) != nullptr && phase_of(s) == phase::ringing ? s.placed.limit : std::nullopt;
}

bool keeps(const state& s, const leg& l, authority) {
    return phase_of(s) == phase::ringing && is_placed(s) && l.id == placed_leg_id(s.id) &&
           !out_of_race(s, l.id);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    const auto* to = placed_to(s);
    return cmd != nullptr && cmd->what() == verb::transfer && to != nullptr &&
           phase_of(s) == phase::ringing && to->dial == dial_status::requested && to->alive();
}

const char* broken(const state& s) {
    if (!is_placed(s)) return s.placed == placing{} ? nullptr : "only_a_placed_call_is_placed";
    if (!s.rings.empty() || !s.notices.empty()) return "a_placed_call_rings_nobody_of_ours";
    if (placed_to(s) != nullptr && turned_away(s)) return "what_is_refused_is_not_dialed";
    if (phase_of(s) == phase::ringing && placed_to(s) != nullptr && !s.placed.limit)
        return "placing_has_a_limit";
    return nullptr;
}

} // namespace

const component k_component{absorb, narrate, settle, deadline, keeps, wants, broken};

void begin(state& s, effects& out, time_point now) {
    const auto& p = *s.routed.placed;
    if (turned_away(s)) {
        add_note(out, remark::placing_refused, "rule=" + std::string(name(p.refused)));
        if (p.said.empty())
            end(s, out, end_reason::rejected, now);
        else
            voicemail::say(s, out, p.said, now);
        return;
    }
    add_note(out, remark::call_placed, p.emergency ? "emergency=true" : "");
    order(s, out, now);
}

// Whichever of the two legs ends first, and in whatever order that is told: what is known of whom we called
// counts before what is known of our device.
end_reason reason_of(const state& s) {
    const auto* to = placed_to(s);
    if (to == nullptr) return end_reason::rejected;
    if (to->answered || s.caller.bridged) return end_reason::completed; // the carrier joins whoever answers
    for (const auto& cause : {to->hangup_cause, s.caller.hangup_cause}) {
        if (is_busy(cause)) return end_reason::busy;
        if (is_unanswered(cause)) return end_reason::no_answer;
        if (!is_cancelled(cause)) return end_reason::failed;
    }
    if (s.caller.ended) return end_reason::caller_cancelled;
    return to->dial == dial_status::failed || out_of_race(s, to->id) ? end_reason::failed
                                                                     : end_reason::no_answer;
}

} // namespace z360::call::outbound
