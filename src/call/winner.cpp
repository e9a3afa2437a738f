// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who has the caller: the claim, the facts that confirm or correct it, and the proof that ends it. I21: a
// talk that nobody ended is never ended or displaced by us.
#include "call/settle.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::settle {
namespace {

constexpr millis k_ask_again{1'000};         // times the number of questions about one winner …
constexpr millis k_ask_again_longest{5'000}; // … up to this
constexpr millis k_hangup_wait{3'000};       // for the hang-up of a dropped winner when another one waits

device_leg* waiting_answerer(state& s) {
    device_leg* best = nullptr;
    for (auto& l : s.legs) {
        if (!l.alive() || !l.answered || l.out_of_race || l.call_control_id.empty()) continue;
        if (best == nullptr || l.answer_order < best->answer_order) best = &l;
    }
    return best;
}

// Joined by the carrier's word, and no hang-up of ours has reached it: a talk, whatever we had in mind (I21).
bool talks(const device_leg& l) {
    return l.bridged && !l.ended && !l.hung_up && l.dial != dial_status::failed;
}

} // namespace

device_leg* winner(state& s) {
    return s.bridge.winner ? s.find(*s.bridge.winner) : nullptr;
}

// The epoch moves only on proof (ADR 4): as long as a dropped winner may live it may yet be joined, or a
// record of its bridge may still turn up.
device_leg* next_answerer(state& s) {
    const bool in_doubt = std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) {
        return l.out_of_race && !l.ended && !l.hung_up && l.dial != dial_status::failed;
    });
    return in_doubt ? nullptr : waiting_answerer(s);
}

// The carrier reports another leg joined than the one claimed: fact beats claim (§5, step 4). If the leg was
// to be hung up, that is taken back.
bool adopt_fact(state& s, effects& out) {
    const auto* current = winner(s);
    if (current != nullptr && current->bridged) return false;
    for (auto& l : s.legs) {
        if (!talks(l) || (current != nullptr && l.id == current->id)) continue;
        add_note(out, "winner_by_fact", "leg=" + l.id.text());
        if (l.hangup_sent) ++l.spared;
        l.hangup_sent = false;
        l.release = release_reason::none;
        l.out_of_race = false;
        bridge_attempt fact;
        fact.epoch = std::max(s.bridge.epoch, 1U);
        fact.winner = l.id;
        fact.accepted = true;
        fact.limit = s.bridge.limit;
        s.bridge = fact;
        return true;
    }
    return false;
}

void join_by_fact(state& s, time_point now) {
    s.now_in = phase::bridging;
    s.bridge.limit = now + s.routed.rules.bridge_limit;
}

void confirm(state& s, effects& out, time_point now) {
    auto* w = winner(s);
    if (!w->bridged || !s.caller.bridged) add_note(out, "bridge_confirmed_by_one_side");
    s.now_in = phase::active;
    s.bridge.limit.reset();
    s.bridge.accepted = true;
    s.prompt_playing = false;
    s.step_limit.reset();
    s.bridged_at = now;
    add_note(out, "bridged", "leg=" + w->id.text());
}

// Nothing proves the bridge, nothing disproves it: the carrier is asked before anything is given up (I21).
void ask_carrier(state& s, effects& out, time_point now) {
    auto& b = s.bridge;
    const auto round = ++s.asked;
    const bool quiet = !b.quiet_from || now >= *b.quiet_from;
    if (quiet && b.proof_round == 0) b.proof_round = round;
    b.limit = now + std::min(k_ask_again * ++b.asked, k_ask_again_longest);
    if (!quiet) b.limit = std::min(*b.limit, *b.quiet_from);
    add_note(out, "carrier_asked", "round=" + std::to_string(round));
    out.emplace_back(inquiry{round});
}

void drop_winner(state& s, effects& out, const char* why, time_point now) {
    if (auto* w = winner(s)) {
        w->out_of_race = true;
        if (!w->ended && w->release == release_reason::none) w->release = release_reason::bridge_failed;
        add_note(out, "winner_dropped", "leg=" + w->id.text() + " why=" + why);
    }
    const auto epoch = s.bridge.epoch;
    s.bridge = {};
    s.bridge.epoch = epoch;
    s.now_in = phase::ringing;
    // Too little time for anybody to pick up a phone: only who has answered already is still asked.
    if (s.ring_deadline - now >= s.routed.rules.resume_minimum) return;
    if (waiting_answerer(s) != nullptr && next_answerer(s) == nullptr)
        s.ring_deadline = now + k_hangup_wait;
    else
        s.ring_deadline = std::min(s.ring_deadline, now);
}

void heed_record(state& s, effects& out, time_point now) {
    const auto* w = winner(s);
    if (w == nullptr || !w->alive()) return;
    // One side alone is still a sign: the device's own report, or the caller's when no other winner can have
    // left it. Doubt is for those who may be talking.
    if (w->bridged || (s.caller.bridged && s.bridge.epoch == 1)) return confirm(s, out, now);
    drop_winner(s, out, s.bridge.accepted ? "accepted_but_never_bridged" : "not_bridged_in_time", now);
}

} // namespace z360::call::settle
