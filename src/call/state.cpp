// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "call/settle.hpp"

#include <z360/call/decide.hpp>
#include <z360/call/state.hpp>

#include <algorithm>

namespace z360::call {

const device_leg* state::find(const leg_id& id_) const {
    for (const auto& l : legs)
        if (l.id == id_) return &l;
    return nullptr;
}

device_leg* state::find(const leg_id& id_) {
    for (auto& l : legs)
        if (l.id == id_) return &l;
    return nullptr;
}

bool state::rings(identity_id who) const {
    return std::any_of(legs.begin(), legs.end(), [&](const device_leg& l) { return l.to.identity == who; });
}

const device_leg* state::find_by_control_id(std::string_view ccid) const {
    if (ccid.empty()) return nullptr;
    for (const auto& l : legs)
        if (l.call_control_id == ccid) return &l;
    return nullptr;
}

device_status status_of(const device_leg& leg) {
    if (leg.dial == dial_status::failed) return device_status::failed;
    if (leg.release != release_reason::none) {
        return leg.release == release_reason::bridge_failed ? device_status::failed
                                                            : device_status::dismissed;
    }
    if (leg.answered) return device_status::answered;
    if (leg.ended) return device_status::dismissed;
    return leg.dial == dial_status::accepted ? device_status::ringing : device_status::notified;
}

const char* broken_invariant(const state& s) {
    const auto* winner = s.bridge.winner ? s.find(*s.bridge.winner) : nullptr;
    if (s.bridge.winner && winner == nullptr) return "winner_is_a_leg";
    if (s.bridge.winner && s.bridge.epoch == 0) return "winner_has_an_epoch";
    switch (s.now_in) {
    case phase::answering:
    case phase::bridging:
        if (winner == nullptr || !s.bridge.limit) return "claim_has_winner_and_limit";
        break;
    case phase::active:
    case phase::on_hold:
    case phase::remote_hold:
    case phase::reconnecting:
        if (winner == nullptr) return "talk_has_a_winner";
        break;
    case phase::voicemail:
        if (!s.step_limit) return "voicemail_has_a_watchdog";
        break;
    case phase::ended:
        if (s.reason == end_reason::none || !s.ended_at) return "end_has_a_reason";
        break;
    case phase::ringing: break;
    }
    if (s.bridge.proof_round > s.asked || s.bridge.asked > s.asked) return "questions_are_counted";
    if (s.now_in != phase::ended && s.reason != end_reason::none) return "reason_only_at_the_end";
    const bool over = s.now_in == phase::ended || s.now_in == phase::voicemail;
    for (const auto& l : s.legs) {
        const bool asked_about = settle::in_doubt(s, l) && l.asked > 0;
        if (over && l.alive() && !asked_about) return "no_leg_outlives_its_ring";
        if (l.release != release_reason::none && !l.ended && !l.call_control_id.empty() && !l.hangup_sent)
            return "released_leg_is_hung_up";
        if (l.answered != (l.answer_order > 0)) return "answers_are_ordered";
    }
    return nullptr;
}

} // namespace z360::call
