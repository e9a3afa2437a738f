// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/ring.hpp"

#include "call/join.hpp"
#include "call/leg.hpp"
#include "call/voicemail.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::ring {
namespace {

// Telnyx forgets a command_id after 60 s; a dial sent later would be a second phone call.
constexpr millis k_dial_window{55'000};
constexpr millis k_dial_margin{1'000};
constexpr millis k_hangup_wait{3'000}; // for the hang-up of a dropped winner when another one waits

// The carrier takes +E.164 only. A caller who shows no such number is shown as the number called; with
// bridge_intent the carrier replaces it by what the caller's leg carries anyway.
std::string presentable(const state& s) {
    const auto* from = std::get_if<e164>(&s.caller.to);
    return from != nullptr ? from->number : s.routed.number_e164;
}

command dial_command(const state& s, const leg& to, time_point now) {
    const auto secs = std::chrono::ceil<std::chrono::seconds>(s.ring_deadline - now).count();
    command c;
    c.id = to.id.text();
    c.call = s.id;
    c.org = s.routed.org;
    c.leg = to.id;
    c.issued_at = now;
    c.deadline = std::min(s.ring_deadline - k_dial_margin, now + k_dial_window);
    c.body = dial_body{
        .leg = to.id,
        .sip_username = to.goes_to()->sip_username,
        .from = presentable(s),
        .display_name = s.routed.caller_name,
        .link_to = s.caller.call_control_id,
        .timeout_secs = static_cast<int>(std::clamp<std::int64_t>(secs, 5, 600)),
        .org = s.routed.org,
        .call = s.id,
    };
    return c;
}

leg* waiting_answerer(state& s) {
    leg* best = nullptr;
    for (auto& l : s.legs) {
        if (!l.alive() || !l.answered || out_of_race(s, l.id) || l.call_control_id.empty()) continue;
        if (best == nullptr || l.answer_order < best->answer_order) best = &l;
    }
    return best;
}

// Who is claimed next: answered first, still there. The epoch moves only on proof (ADR 4): as long as a
// dropped winner may live it may yet be joined, or a record of its bridge may still turn up.
leg* next_answerer(state& s) {
    const bool in_doubt = std::any_of(s.legs.begin(), s.legs.end(), [&s](const auto& l) {
        return out_of_race(s, l.id) && !l.ended && !l.hung_up && l.dial != dial_status::failed;
    });
    return in_doubt ? nullptr : waiting_answerer(s);
}

// The same in every decision about the same call, so that a replay and another node name the same legs.
leg_id new_leg_id(const state& s, const target& to) {
    leg_id id{derive_uuid(s.id.value, static_cast<std::uint64_t>(to.device.value))};
    // Further legs of a device: it rings on two names while its identity is being replaced (CRED-01), or once
    // more because it asked.
    while (s.find(id) != nullptr)
        id = leg_id{derive_uuid(id.value, static_cast<std::uint64_t>(to.identity.value))};
    return id;
}

void dial_who_was_let_in(state& s, effects& out, time_point now) {
    for (auto& l : s.legs)
        if (std::exchange(l.to_dial, false)) out.emplace_back(dial_command(s, l, now));
}

bool settle(state& s, effects& out, const circumstances& c) {
    dial_who_was_let_in(s, out, c.now);
    if (phase_of(s) != phase::ringing) return false;
    if (auto* next = next_answerer(s)) {
        joins::claim(s, out, *next, c.now);
        return true;
    }
    const char* why = nullptr;
    const bool late = c.may == authority::newest && c.now >= s.ring_deadline;
    if (!legs::any_may_answer(s)) {
        if (!late && legs::ask_about_unsent(s, out)) return false; // one of them may ring, or talk (I21)
        const char* none = s.routed.targets.empty() ? "no_devices" : "waited_too_long";
        why = s.legs.empty() ? none : "no_device_left";
    } else if (late) {
        why = "nobody_answered";
    }
    if (why == nullptr) return false;
    legs::forget_answers(s);
    voicemail::begin(s, out, why, c.now);
    return true;
}

std::optional<time_point> deadline(const state& s) {
    return phase_of(s) == phase::ringing ? std::optional(s.ring_deadline) : std::nullopt;
}

// I11: losers only die once the winner's bridge is confirmed (2xx or call.bridged). A 2xx alone confirms only
// what the newest copy claimed: on an old one it may be the polite refusal of a caller who is joined to
// another (I21).
bool keeps(const state& s, const leg&, authority may) {
    const auto p = phase_of(s);
    if (p == phase::ringing || p == phase::answering) return true;
    if (p != phase::bridging) return false;
    const auto* w = winner(s);
    return !(current_join(s)->accepted && may == authority::newest) && (w == nullptr || !w->bridged);
}

bool wants(const state& s, const effect& e) {
    const auto* cmd = carried(e);
    const auto* l = cmd != nullptr && cmd->leg ? s.find(*cmd->leg) : nullptr;
    return cmd != nullptr && cmd->what() == verb::dial && phase_of(s) == phase::ringing && l != nullptr &&
           l->alive() && l->dial != dial_status::accepted;
}

const char* broken(const state& s) {
    const bool undialed = std::any_of(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.to_dial; });
    return undialed ? "every_leg_is_dialed" : nullptr;
}

} // namespace

const component k_component{nullptr, nullptr, settle, deadline, keeps, wants, broken};

void begin(state& s, effects& out, time_point now) {
    const auto n = s.routed.targets.size();
    for (std::size_t i = 0; i < n; ++i) {
        // Which device is dialed first differs from call to call; the call id stands in for chance.
        const auto& to = s.routed.targets[(i + s.id.value.lo) % n];
        if (s.rings(to.identity)) continue; // once, whatever the directory says
        leg l;
        l.id = new_leg_id(s, to);
        l.to = to;
        out.emplace_back(dial_command(s, l, now));
        s.legs.push_back(std::move(l));
    }
}

bool may_dial(const state& s, time_point now) {
    return phase_of(s) == phase::ringing && now + k_dial_margin < s.ring_deadline;
}

void let_in(state& s, const std::vector<target>& at, device_id device) {
    const auto rung = [&s](identity_id who) {
        return std::any_of(s.legs.begin(), s.legs.end(), [who](const auto& l) {
            return l.identity() == who && l.alive();
        });
    };
    for (const auto& to : at) {
        if (to.device != device || rung(to.identity)) continue;
        leg l;
        l.id = new_leg_id(s, to);
        l.to = to;
        l.late = s.epoch + 1;
        l.to_dial = true;
        s.legs.push_back(std::move(l));
    }
}

void resume(state& s, time_point now) {
    // Too little time for anybody to pick up a phone: only who has answered already is still asked.
    if (s.ring_deadline - now >= s.routed.rules.resume_minimum) return;
    if (waiting_answerer(s) != nullptr && next_answerer(s) == nullptr)
        s.ring_deadline = now + k_hangup_wait;
    else
        s.ring_deadline = std::min(s.ring_deadline, now);
}

} // namespace z360::call::ring
