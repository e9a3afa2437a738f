// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Who must stop ringing, and the names and forms of commands. D4: every leg that must not live is hung up.
#include "call/settle.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace z360::call::settle {
namespace {

constexpr millis k_must_happen{600'000}; // hang-ups are tried for this long

release_reason why_released(const state& s, const device_leg& leg) {
    const bool is_winner = s.bridge.winner == leg.id;
    switch (s.now_in) {
    case phase::ended:
        if (s.reason == end_reason::caller_cancelled) return release_reason::caller_gone;
        if (s.reason == end_reason::completed)
            return is_winner ? release_reason::call_over : release_reason::answered_elsewhere;
        return release_reason::ring_timeout;
    case phase::voicemail: return release_reason::ring_timeout;
    case phase::ringing:
    case phase::answering:
    case phase::bridging:
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting: return release_reason::answered_elsewhere;
    }
    return release_reason::answered_elsewhere;
}

// Which legs may live now. I11: losers only die once the winner's bridge is confirmed (2xx or call.bridged).
// A 2xx alone confirms only what the newest copy claimed: on an old one it may be the polite refusal of a
// caller who is joined to another (I21).
bool may_live(const state& s, const device_leg& leg, authority may) {
    const bool is_winner = s.bridge.winner == leg.id;
    switch (s.now_in) {
    case phase::ringing:
    case phase::answering: return true;
    case phase::bridging: {
        const auto* w = s.bridge.winner ? s.find(*s.bridge.winner) : nullptr;
        const bool accepted = s.bridge.accepted && may == authority::newest;
        const bool confirmed = accepted || (w != nullptr && w->bridged);
        return is_winner || !confirmed;
    }
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting: return is_winner;
    case phase::voicemail:
    case phase::ended: return false;
    }
    return false;
}

} // namespace

bool in_doubt(const state& s, const device_leg& leg) {
    return s.now_in == phase::voicemail && leg.expired && !leg.cleared;
}

// D4: every leg that must not live gets a hang-up, at once or the moment its control id is known.
void sweep(state& s, effects& out, time_point now, authority may) {
    for (auto& leg : s.legs) {
        if (leg.ended) continue;
        if (leg.release == release_reason::none && leg.dial != dial_status::failed &&
            !may_live(s, leg, may)) {
            if (in_doubt(s, leg)) {
                if (leg.asked == 0) {
                    leg.asked = ++s.asked;
                    out.emplace_back(inquiry{leg.asked});
                }
                continue;
            }
            leg.release = why_released(s, leg);
            if (leg.bridged && s.bridge.winner != leg.id && s.now_in == phase::active)
                add_note(out, "second_bridge_dropped", "leg=" + leg.id.text());
        }
        if (leg.release == release_reason::none || leg.hangup_sent || leg.call_control_id.empty()) continue;
        leg.hangup_sent = true;
        std::string id = leg.id.text() + "-hangup"; // one that was taken back is not this one
        if (leg.spared > 0) id += "-" + std::to_string(leg.spared + 1);
        out.emplace_back(hangup_command(std::move(id), leg.call_control_id, leg.id, leg.release, now));
    }
    if (s.now_in != phase::ended || s.caller.ended || s.caller.hangup_sent) return;
    s.caller.hangup_sent = true;
    if (s.reason == end_reason::rejected) {
        out.emplace_back(caller_command(s, caller_id(s, "reject"), now, k_must_happen, reject_body{}));
    } else {
        out.emplace_back(hangup_command(
            caller_id(s, "hangup"), s.caller.call_control_id, std::nullopt, release_reason::call_over, now
        ));
    }
}

void add_note(effects& out, std::string what, std::string detail) {
    out.emplace_back(note{std::move(what), std::move(detail)});
}

command caller_command(const state& s, std::string id, time_point now, millis allowed, command_body body) {
    command c;
    c.id = std::move(id);
    c.call_control_id = s.caller.call_control_id;
    c.issued_at = now;
    c.deadline = now + allowed;
    c.body = std::move(body);
    return c;
}

std::string caller_id(const state& s, const char* what, std::uint32_t n) {
    std::string id = s.id.text() + "-" + what;
    if (n > 0) id += "-" + std::to_string(n);
    return id;
}

std::string prompt_command_id(const state& s) {
    if (s.now_in == phase::voicemail) {
        if (s.vm == voicemail_step::greeting) return caller_id(s, "greeting");
        if (s.vm == voicemail_step::recording) return caller_id(s, "record");
        return {};
    }
    if (!s.prompt_playing) return {};
    return caller_id(s, s.routed.rules.ringback_url.empty() ? "prompt" : "ringback", s.prompts);
}

std::string bridge_command_id(const state& s) {
    if (!s.bridge.winner) return {};
    return s.bridge.winner->text() + "-bridge-" + std::to_string(s.bridge.epoch);
}

command hangup_command(
    std::string id, std::string control_id, std::optional<leg_id> leg, release_reason why, time_point now
) {
    command c;
    c.id = std::move(id);
    c.call_control_id = std::move(control_id);
    c.leg = leg;
    c.issued_at = now;
    c.deadline = now + k_must_happen;
    c.body = hangup_body{why};
    return c;
}

} // namespace z360::call::settle
