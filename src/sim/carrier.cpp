// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Legs: their birth, answer, bridge and end; people who act on them; time.
#include "sim/carrier.hpp"

#include <z360/base/ids.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace z360::sim {

carrier::carrier(carrier_settings settings) : settings_(std::move(settings)) {
    truth_.credentials = credential_book(settings_.seed);
}

std::string carrier::make_id(std::string_view what) {
    ++serial_;
    return derive_uuid(settings_.seed + "/" + std::string(what) + "/" + std::to_string(serial_)).text();
}

void carrier::after(time_point due, action what) {
    timers_.emplace(due, std::move(what));
}

carrier::leg_state* carrier::find(const std::string& call_control_id) {
    const auto it = legs_.find(call_control_id);
    return it == legs_.end() ? nullptr : &it->second;
}

carrier::leg_state& carrier::new_leg(leg_kind kind, std::string session, time_point now) {
    auto text = make_id("control") + make_id("control");
    text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
    // Like the real ids these need percent-encoding in a path.
    const auto id = "v3:" + text.substr(0, 32) + "_" + text.substr(32, 20);
    auto& l = legs_[id];
    l.order = serial_;
    l.view.call_control_id = id;
    l.view.call_leg_id = make_id("leg");
    if (session.empty()) {
        session = make_id("session");
        truth_.sessions.push_back(session);
    }
    l.view.call_session_id = std::move(session);
    l.view.kind = kind;
    l.view.began = now;
    l.view.connection_id =
        kind == leg_kind::device_outgoing ? settings_.credential_connection_id : settings_.app_connection_id;
    return l;
}

std::string carrier::place_call(std::string from, std::string to, time_point now, std::string session) {
    advance(now);
    auto& l = new_leg(leg_kind::caller, std::move(session), now);
    l.view.from = std::move(from);
    l.view.to = std::move(to);
    l.initiated = true;
    emit(l, "call.initiated", json{{"direction", "incoming"}, {"state", "parked"}}, now);
    const auto id = l.view.call_control_id;
    if (settings_.first_command_limit) {
        after(now + *settings_.first_command_limit, [this, id](time_point t) {
            auto* leg = find(id);
            if (leg && leg->view.alive() && !leg->commanded)
                end_leg(*leg, "normal_clearing", "unknown", "unspecified", t);
        });
    }
    return id;
}

std::string carrier::device_calls(
    std::string username, std::string to, json custom_headers, time_point now, device_wishes wishes
) {
    advance(now);
    const auto* credential = truth_.credentials.of_username(username);
    if (credential && !credential->live(now)) return {};
    auto& l = new_leg(leg_kind::device_outgoing, {}, now);
    l.view.from = wishes.from.empty() ? username : std::move(wishes.from);
    if (!wishes.client_state.empty()) l.view.client_state = std::move(wishes.client_state);
    l.view.username = std::move(username);
    l.view.to = std::move(to);
    l.custom_headers = std::move(custom_headers);
    l.initiated = true;
    emit(l, "call.initiated", json{{"direction", "outgoing"}, {"state", "parked"}}, now);
    return l.view.call_control_id;
}

void carrier::caller_hangs_up(const std::string& call_control_id, time_point now, std::string cause) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.alive()) return;
    if (cause.empty()) cause = l->view.answered_at ? "normal_clearing" : "originator_cancel";
    end_leg(*l, std::move(cause), "caller", "unspecified", now);
}

bool carrier::device_answers(const std::string& call_control_id, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.ringing()) return false;
    note_phone(*l, "answers", now);
    leg_answered(*l, now);
    return true;
}

bool carrier::device_declines(const std::string& call_control_id, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.ringing()) return false;
    note_phone(*l, "declines", now);
    end_leg(*l, "user_busy", "callee", "486", now);
    return true;
}

bool carrier::device_hangs_up(const std::string& call_control_id, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    const bool calls = l && l->view.kind == leg_kind::device_outgoing;
    if (!l || !l->view.alive() || (!calls && !l->view.answered_at)) return false;
    note_phone(*l, "hangs_up", now);
    if (calls)
        caller_hangs_up(call_control_id, now);
    else
        end_leg(*l, "normal_clearing", "callee", "200", now);
    return true;
}

bool carrier::device_lost(const std::string& call_control_id, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.alive()) return false;
    note_phone(*l, "lost", now);
    end_leg(*l, "timeout", "unknown", "408", now);
    return true;
}

bool carrier::device_holds(const std::string& call_control_id, bool hold, time_point now) {
    advance(now);
    auto* l = find(call_control_id);
    if (!l || !l->view.alive() || l->view.bridged_with.empty()) return false;
    note_phone(*l, hold ? "holds" : "unholds", now);
    emit(*l, hold ? "call.hold" : "call.unhold", json::object(), now);
    return true;
}

void carrier::note_phone(const leg_state& l, std::string what, time_point now) {
    if (l.view.kind == leg_kind::caller) return;
    const auto& who = l.view.username.empty() ? l.view.to : l.view.username;
    truth_.phones.push_back({now, l.view.call_session_id, l.view.call_control_id, who, std::move(what)});
}

void carrier::leg_answered(leg_state& l, time_point now) {
    if (!l.view.alive() || l.view.answered_at) return;
    l.view.answered_at = now;
    l.answering = false;
    emit(l, "call.answered", json{{"state", "answered"}}, now);
    if (l.dialed_with != 0) {
        std::vector<std::string> others;
        for (const auto& [id, other] : legs_)
            if (other.dialed_with == l.dialed_with && &other != &l && other.view.alive())
                others.push_back(id);
        for (const auto& id : others)
            end_leg(legs_.at(id), "originator_cancel", "caller", "487", now);
    }
    target_answered(l, now);
    if (!l.bridge_on_answer) return;
    auto* target = find(l.view.link_to);
    if (!target || !target->view.alive()) return;
    if (l.prevent_double_bridge && !target->view.bridged_with.empty()) {
        end_leg(l, "normal_clearing", "caller", "200", now);
        return;
    }
    join(l, *target, now, {});
}

void carrier::join(leg_state& path, leg_state& target, time_point now, const std::string& one_sided) {
    const bool stolen = !target.view.bridged_with.empty();
    // Whoever either side talked to before is left alone, like after a transfer.
    leave_bridge(target, now, true);
    leave_bridge(path, now, true);
    // Ending the previous peer may have ended one of these two as well.
    if (!target.view.alive() || !path.view.alive()) return;
    path.view.bridged_with = target.view.call_control_id;
    target.view.bridged_with = path.view.call_control_id;
    path.bridged_at = target.bridged_at = now;
    bridge_record b;
    b.caller = target.view.call_control_id;
    b.device = path.view.call_control_id;
    // Both orders of a bridge mean the same two people; the caller is the one that came in by itself.
    if (path.view.calls() && !target.view.calls()) std::swap(b.caller, b.device);
    b.session = target.view.call_session_id;
    b.began = now;
    b.displaced_another = stolen;
    truth_.bridges.push_back(std::move(b));
    const auto hears = [&one_sided](const leg_state& l) {
        return one_sided.empty() || (one_sided == "caller") == l.view.calls();
    };
    if (hears(path)) emit(path, "call.bridged", json::object(), now, settings_.bridge_time);
    if (hears(target)) emit(target, "call.bridged", json::object(), now, settings_.bridge_time);
}

void carrier::leave_bridge(leg_state& l, time_point now, bool hang_up_peer) {
    if (l.view.bridged_with.empty()) return;
    const auto peer_id = std::exchange(l.view.bridged_with, {});
    // The open bridge is among the latest; runs of many calls must not search all of history.
    for (auto b = truth_.bridges.rbegin(); b != truth_.bridges.rend(); ++b) {
        const bool same = (b->caller == l.view.call_control_id && b->device == peer_id) ||
                          (b->device == l.view.call_control_id && b->caller == peer_id);
        if (!same || b->ended) continue;
        b->ended = now;
        break;
    }
    auto* peer = find(peer_id);
    if (!peer) return;
    peer->view.bridged_with.clear();
    if (!peer->view.alive() || peer->park_after_unbridge || !hang_up_peer) return;
    end_leg(*peer, "normal_clearing", peer->view.calls() ? "callee" : "caller", "200", now);
}

void carrier::end_leg(leg_state& l, std::string cause, std::string source, std::string sip, time_point now) {
    if (!l.view.alive()) return;
    stop_sounds(l, true, "call_hangup", now);
    if (l.gathers) end_gather(l, "call_hangup", now);
    const bool was_ringing = l.view.ringing();
    l.view.ended_at = now;
    l.view.hangup_cause = cause;
    l.view.hangup_source = source;
    if (was_ringing || l.view.answered_at) note_phone(l, "stops", now);
    json extra{
        {"state", "hangup"},       {"hangup_cause", cause},    {"hangup_source", std::move(source)},
        {"sip_hangup_cause", sip}, {"end_time", iso8601(now)}, {"call_quality_stats", quality_of(l)},
    };
    emit(l, "call.hangup", std::move(extra), now);
    tell_cost(l, now);
    while (!l.recordings.empty())
        finish_recording(l, 0, now);
    leave_bridge(l, now, true);
    transfer_over(l, cause, sip, now);
    if (!settings_.unknown.linked_legs_end_with_caller) return;
    std::vector<std::string> linked;
    for (const auto& [id, other] : legs_)
        if (other.view.link_to == l.view.call_control_id && other.view.alive()) linked.push_back(id);
    for (const auto& id : linked)
        end_leg(legs_.at(id), "originator_cancel", "caller", "487", now);
}

void carrier::advance(time_point now) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
        auto node = timers_.extract(timers_.begin());
        node.mapped()(node.key());
    }
}

std::optional<time_point> carrier::next_due() const {
    std::optional<time_point> next;
    const auto consider = [&next](time_point t) {
        if (!next || t < *next) next = t;
    };
    if (!timers_.empty()) consider(timers_.begin()->first);
    if (!outbox_.empty()) consider(outbox_.begin()->first);
    for (const auto& [id, r] : replies_)
        consider(r.due);
    return next;
}

std::optional<leg_view> carrier::leg(const std::string& call_control_id) const {
    const auto it = legs_.find(call_control_id);
    if (it == legs_.end()) return std::nullopt;
    auto view = it->second.view;
    view.playing = !it->second.sounds.empty();
    const auto& recorded = it->second.recordings;
    view.recording = !recorded.empty();
    view.recording_paused =
        view.recording &&
        std::all_of(recorded.begin(), recorded.end(), [](const auto& r) { return r.paused_at.has_value(); });
    return view;
}

bool carrier::in_silence(const std::string& call_control_id) const {
    const auto it = legs_.find(call_control_id);
    if (it == legs_.end()) return false;
    const auto& l = it->second;
    return l.view.alive() && l.view.answered_at && l.view.bridged_with.empty() && l.sounds.empty() &&
           l.recordings.empty();
}

std::vector<leg_view> carrier::legs(std::string_view session) const {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const auto& [id, l] : legs_)
        if (session.empty() || l.view.call_session_id == session) order.emplace_back(l.order, id);
    std::sort(order.begin(), order.end());
    std::vector<leg_view> out;
    out.reserve(order.size());
    for (const auto& [n, id] : order)
        out.push_back(*leg(id));
    return out;
}

std::size_t carrier::alive_legs(std::string_view session) const {
    return static_cast<std::size_t>(std::count_if(legs_.begin(), legs_.end(), [session](const auto& entry) {
        const auto& v = entry.second.view;
        return v.alive() && (session.empty() || v.call_session_id == session);
    }));
}

std::string carrier::session_of(const std::string& call_control_id) const {
    const auto it = legs_.find(call_control_id);
    return it == legs_.end() ? std::string{} : it->second.view.call_session_id;
}

void carrier::forget_ended_before(time_point limit) {
    std::map<std::string, bool> done;
    for (const auto& [id, l] : legs_) {
        const bool over = l.view.ended_at && *l.view.ended_at < limit;
        const auto [it, fresh] = done.emplace(l.view.call_session_id, over);
        if (!fresh) it->second = it->second && over;
    }
    const auto gone = [&done](const std::string& session) {
        const auto it = done.find(session);
        return it != done.end() && it->second;
    };
    // A webhook that is still being delivered keeps its record until the next round.
    std::erase_if(truth_.webhooks, [&gone](const auto& e) {
        const auto s = e.second.state;
        return gone(e.second.session) && s != delivery_state::queued && s != delivery_state::sending;
    });
    std::erase_if(truth_.commands, [&gone, limit](const auto& e) {
        return e.second.at < limit && (e.second.session.empty() || gone(e.second.session));
    });
    std::erase_if(truth_.bridges, [&gone](const auto& b) { return gone(b.session); });
    std::erase_if(truth_.recordings, [&gone](const auto& r) { return gone(r.session); });
    std::erase_if(truth_.phones, [&gone](const auto& p) { return gone(p.session); });
    std::erase_if(truth_.sessions, gone);
    std::erase_if(legs_, [&gone](const auto& e) { return gone(e.second.view.call_session_id); });
}

} // namespace z360::sim
