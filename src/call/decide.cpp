// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One step of a call: every part writes down what the event proves, then they look at the facts in turn until
// nothing moves. Nothing else may change a call.
#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/parts.hpp"
#include "call/prompt.hpp"
#include "call/recording.hpp"
#include "call/request.hpp"
#include "call/ring.hpp"
#include "call/talk.hpp"
#include "call/voicemail.hpp"

#include <z360/call/decide.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace z360::call {
namespace {

// What is over comes first, what the carrier has joined before what we would choose, and legs are let go
// when everybody else has come to rest.
constexpr std::array<const component*, 8> k_parts{
    &talk::k_component,    &joins::k_component,      &ring::k_component,     &voicemail::k_component,
    &prompts::k_component, &recordings::k_component, &requests::k_component, &legs::k_component,
};

bool is_talk(phase p) {
    return p == phase::active || p == phase::on_hold || p == phase::remote_hold;
}

// Hold is a matter of facts alone; the timeline hears of it when what it means changes.
void tell_hold(const state& s, effects& out, phase& told) {
    const auto p = phase_of(s);
    if (p != told && is_talk(p) && (p != phase::active || is_talk(told))) add_note(out, std::string(name(p)));
    told = p;
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

part_list parts() {
    return k_parts;
}

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
    s.began = now;
    s.ring_deadline = now + s.routed.rules.ring_time;
    const auto waited = now - what.waiting_since.value_or(now);
    if (s.routed.verdict == route_verdict::unknown_number) {
        add_note(d.effects, "number_refused", "unknown, malformed or ambiguous");
        end(s, d.effects, end_reason::rejected, now);
    } else {
        add_note(d.effects, "call_began", "devices=" + std::to_string(s.routed.targets.size()));
        if (waited >= s.routed.rules.ring_time)
            add_note(d.effects, "waited_too_long", "ms=" + std::to_string(waited.count()));
        else
            ring::begin(s, d.effects, now);
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

bool wanted(part_list of, const state& call, const command& cmd) {
    if (call.caller.ended && cmd.what() != verb::hangup) return false;
    return std::any_of(of.begin(), of.end(), [&](const component* part) {
        return part->wants != nullptr && part->wants(call, cmd);
    });
}

decision begin(const incoming& what, time_point now) {
    return begin(k_parts, what, now);
}
decision decide(const state& call, const event& what, time_point now, authority may) {
    return decide(k_parts, call, what, now, may);
}
std::optional<time_point> deadline(const state& call) {
    return deadline(k_parts, call);
}
bool wanted(const state& call, const command& cmd) {
    return wanted(k_parts, call, cmd);
}

const char* broken_invariant(const state& call) {
    for (const auto* part : k_parts)
        if (const char* rule = part->broken != nullptr ? part->broken(call) : nullptr) return rule;
    return nullptr;
}

} // namespace z360::call
