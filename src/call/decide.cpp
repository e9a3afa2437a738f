// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One step of a call: every part writes down what the event proves, then they look at the facts in turn until
// nothing moves. Nothing else may change a call.
#include "call/leg.hpp"
#include "call/outbound.hpp"
#include "call/parts.hpp"
#include "call/ring.hpp"
#include "call/talk.hpp"
#include "call/voicemail.hpp"
#include "call/waves.hpp"

#include <z360/base/overloaded.hpp>
#include <z360/call/decide.hpp>

#include <algorithm>
#include <string>

namespace z360::call {
namespace {

bool is_talk(phase p) {
    return p == phase::active || p == phase::on_hold || p == phase::remote_hold;
}

remark remark_of(phase talk) {
    if (talk == phase::on_hold) return remark::on_hold;
    return talk == phase::remote_hold ? remark::remote_hold : remark::active;
}

// Hold is a matter of facts alone; the timeline hears of it when what it means changes.
void tell_hold(const state& s, effects& out, phase& told) {
    const auto p = phase_of(s);
    if (p != told && is_talk(p) && (p != phase::active || is_talk(told))) add_note(out, remark_of(p));
    told = p;
}

std::string how_it_began(const state& s) {
    auto out = "devices=" + std::to_string(s.routed.targets.size());
    if (s.routed.cause != route_cause::as_set) out += " cause=" + std::string(name(s.routed.cause));
    for (const auto why : {kept_out::busy, kept_out::do_not_disturb})
        if (const auto n = count_left_out(s.routed, why); n != 0)
            out += " " + std::string(name(why)) + "=" + std::to_string(n);
    return out;
}

bool settle_once(state& s, effects& out, const circumstances& c) {
    return std::any_of(c.parts.begin(), c.parts.end(), [&](const component* part) {
        return part->settle != nullptr && part->settle(s, out, c);
    });
}

// Each pass leaves a phase for good or drops a leg from the race, so this ends; the bound is for certainty.
void settle(state& s, effects& out, const circumstances& c, phase told) {
    const auto passes = 8 + 4 * s.legs.size();
    for (std::size_t i = 0; i < passes && settle_once(s, out, c); ++i)
        tell_hold(s, out, told);
    tell_hold(s, out, told);
}

} // namespace

bool kept(part_list of, const state& s, const leg& l, authority may) {
    return std::any_of(of.begin(), of.end(), [&](const component* part) {
        return part->keeps != nullptr && part->keeps(s, l, may);
    });
}

decision begin(part_list of, const incoming& what, time_point now) {
    decision d;
    auto& s = d.next;
    s.id = what.id;
    s.routed = what.routed;
    s.origin = {what.call_session_id, what.from_sent, what.to_sent};
    s.caller = legs::caller_of(what);
    leave_out_caller(s.routed, text_of(s.caller.to));
    if (is_placed(s)) s.caller.to = s.routed.placed->by;
    s.began = now;
    const auto waited = now - what.waiting_since.value_or(now);
    if (is_placed(s)) {
        outbound::begin(s, d.effects, now);
    } else if (s.routed.verdict == route_verdict::unknown_number) {
        add_note(d.effects, remark::number_refused, "unknown, malformed or ambiguous");
        end(s, d.effects, end_reason::rejected, now);
    } else if (turned_away(s)) {
        add_note(d.effects, remark::caller_blocked);
        if (s.routed.rules.voicemail_greeting.empty())
            end(s, d.effects, end_reason::rejected, now);
        else
            voicemail::announce(s, d.effects, now);
    } else {
        add_note(d.effects, remark::call_began, how_it_began(s));
        rings::open(s, now);
        if (waited >= s.routed.rules.ring_time)
            add_note(d.effects, remark::waited_too_long, "ms=" + std::to_string(waited.count()));
        else if (!s.routed.plan.empty())
            waves::prepare(s);
        else
            rings::dial(s, d.effects, s.routed.targets, now);
    }
    settle(s, d.effects, {of, now, authority::newest}, phase_of(s));
    return d;
}

decision decide(part_list of, const state& call, const event& what, time_point now, authority may) {
    decision d;
    d.next = call;
    for (const auto* part : of)
        if (part->absorb != nullptr) part->absorb(d.next, what, now);
    for (const auto* part : of)
        if (part->narrate != nullptr) part->narrate(call, what, d.next, d.effects);
    settle(d.next, d.effects, {of, now, may}, phase_of(call));
    return d;
}

std::optional<time_point> deadline(part_list of, const state& call) {
    std::optional<time_point> first;
    for (const auto* part : of) {
        const auto at = part->deadline != nullptr ? part->deadline(call) : std::nullopt;
        if (at && (!first || *at < *first)) first = at;
    }
    return first;
}

bool wanted(part_list of, const state& call, const effect& e) {
    const bool pointless = std::visit(
        overloaded{
            [&](const carrier_command& c) { return call.caller.ended && c.what() != verb::hangup; },
            [](const push_notice&) { return false; },
            [](const test_effect&) { return false; },
        },
        e.body
    );
    if (pointless) return false;
    return std::any_of(of.begin(), of.end(), [&](const component* part) {
        return part->wants != nullptr && part->wants(call, e);
    });
}

decision begin(const incoming& what, time_point now) {
    return begin(parts(), what, now);
}
decision decide(const state& call, const event& what, time_point now, authority may) {
    return decide(parts(), call, what, now, may);
}
std::optional<time_point> deadline(const state& call) {
    return deadline(parts(), call);
}
bool wanted(const state& call, const effect& e) {
    return wanted(parts(), call, e);
}

// Time takes nothing away here: what the outcome proves is all that is added.
bool wanted_after(const state& call, const effect& e, const effect_outcome& end, time_point now) {
    return wanted(decide(call, event_of(end), now, authority::unproven).next, e);
}

namespace {

bool records_message(const carrier_command& c) {
    return c.what() == verb::record_start && !c.leg;
}

/// Whom it hangs up on or turns away, or whose message it records; null: it does nothing of the kind, or that
/// to somebody unknown.
const leg* taken_for_alone(const state& s, const effect& e) {
    const auto* cmd = std::get_if<carrier_command>(&e.body);
    if (cmd == nullptr) return nullptr;
    const bool lets_go = cmd->what() == verb::hangup || cmd->what() == verb::reject;
    if (!lets_go && !records_message(*cmd)) return nullptr;
    if (!cmd->leg) return cmd->call_control_id == s.caller.call_control_id ? &s.caller : nullptr;
    const auto* l = s.find(*cmd->leg);
    return l != nullptr && l->call_control_id == cmd->call_control_id ? l : nullptr; // else a duplicate
}

} // namespace

// The other reasons are somebody's will, or the end of the other one of two.
bool rests_on_silence(const state& call, const effect& e) {
    const auto* l = taken_for_alone(call, e);
    if (l == nullptr) return false;
    if (records_message(std::get<carrier_command>(e.body))) // somebody may be there who has not been let go
        return std::any_of(call.legs.begin(), call.legs.end(), [](const leg& x) {
            return (x.expired || x.dial != dial_status::failed) && !x.ended && !x.hung_up;
        });
    if (l == &call.caller) return call.reason == end_reason::voicemail && !call.legs.empty();
    return l->release == release_reason::ring_timeout || l->release == release_reason::bridge_failed;
}

bool disturbs_a_talk(const state& call, const effect& e) {
    const auto* l = taken_for_alone(call, e);
    if (l == nullptr || !call.caller.bridged || call.caller.ended) return false;
    if (l != &call.caller) return l->bridged && !l->ended;
    return std::any_of(call.legs.begin(), call.legs.end(), [](const leg& x) {
        return x.bridged && !x.ended;
    });
}

const char* broken_invariant(const state& call) {
    for (const auto* part : parts())
        if (const char* rule = part->broken != nullptr ? part->broken(call) : nullptr) return rule;
    return nullptr;
}

} // namespace z360::call
