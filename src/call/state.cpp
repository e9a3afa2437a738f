// SPDX-License-Identifier: LicenseRef-z360-proprietary
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

phase phase_of(const state& s) {
    if (over(s)) return phase::ended;
    if (s.voicemail.step != voicemail_step::none) return phase::voicemail;
    if (!s.bridge.winner) return phase::ringing;
    if (!s.bridged_at) return s.bridge.commanded ? phase::bridging : phase::answering;
    if (s.caller.hold.held) return phase::remote_hold;
    const auto* w = s.find(*s.bridge.winner);
    return w != nullptr && w->hold.held ? phase::on_hold : phase::active;
}

} // namespace z360::call
