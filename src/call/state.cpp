// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/state.hpp>

#include <algorithm>

namespace z360::call {

leg_id caller_leg_id(const call_id& call) {
    return leg_id{derive_uuid(call.value, 0)}; // devices' legs have their devices' numbers, from 1
}

leg_id placed_leg_id(const call_id& call) {
    constexpr std::uint64_t k_placed = 0x706c616365640000; // no device has such an id
    return leg_id{derive_uuid(call.value, k_placed)};
}

const leg* placed_to(const state& s) {
    return is_placed(s) ? s.find(placed_leg_id(s.id)) : nullptr;
}
leg* placed_to(state& s) {
    return is_placed(s) ? s.find(placed_leg_id(s.id)) : nullptr;
}

const std::string& other_party(const state& s) {
    return is_placed(s) ? s.routed.placed->to : text_of(s.caller.to);
}

const leg* state::find(const leg_id& id_) const {
    for (const auto& l : legs)
        if (l.id == id_) return &l;
    return nullptr;
}

leg* state::find(const leg_id& id_) {
    for (auto& l : legs)
        if (l.id == id_) return &l;
    return nullptr;
}

const leg* state::find_by_control_id(std::string_view ccid) const {
    if (ccid.empty()) return nullptr;
    for (const auto& l : legs)
        if (l.call_control_id == ccid) return &l;
    return nullptr;
}

device_status status_of(const leg& leg) {
    if (leg.dial == dial_status::failed) return device_status::failed;
    if (leg.release != release_reason::none) {
        return leg.release == release_reason::bridge_failed ? device_status::failed
                                                            : device_status::dismissed;
    }
    if (leg.answered) return device_status::answered;
    if (leg.ended) return device_status::dismissed;
    return leg.dial == dial_status::accepted ? device_status::ringing : device_status::notified;
}

const ring* current_ring(const state& s) {
    return s.rings.empty() ? nullptr : &s.rings.back();
}
ring* current_ring(state& s) {
    return s.rings.empty() ? nullptr : &s.rings.back();
}

namespace {

template <class State>
auto* counting(State& s) {
    const auto found =
        std::find_if(s.joins.rbegin(), s.joins.rend(), [](const join& j) { return j.counts(); });
    return found == s.joins.rend() ? nullptr : &*found;
}

} // namespace

const join* current_join(const state& s) {
    return counting(s);
}
join* current_join(state& s) {
    return counting(s);
}

const leg* winner(const state& s) {
    const auto* j = current_join(s);
    return j != nullptr ? s.find(j->b) : nullptr;
}
leg* winner(state& s) {
    const auto* j = current_join(s);
    return j != nullptr ? s.find(j->b) : nullptr;
}

bool is_winner(const state& s, const leg_id& leg) {
    const auto* j = current_join(s);
    return j != nullptr && j->b == leg;
}

bool out_of_race(const state& s, const leg_id& leg) {
    const auto newest =
        std::find_if(s.joins.rbegin(), s.joins.rend(), [&](const join& j) { return j.b == leg; });
    return newest != s.joins.rend() && newest->over == join_end::dropped;
}

std::optional<time_point> bridged_at(const state& s) {
    for (const auto& j : s.joins)
        if (j.joined_at) return j.joined_at;
    return std::nullopt;
}

phase phase_of(const state& s) {
    if (over(s)) return phase::ended;
    if (s.voicemail.step != voicemail_step::none) return phase::voicemail;
    const auto* j = current_join(s);
    if (j == nullptr) return phase::ringing;
    if (!j->joined_at) return j->commanded ? phase::bridging : phase::answering;
    if (s.caller.hold.held) return phase::remote_hold;
    const auto* w = s.find(j->b);
    return w != nullptr && w->hold.held ? phase::on_hold : phase::active;
}

} // namespace z360::call
