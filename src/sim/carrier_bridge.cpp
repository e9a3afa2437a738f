// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The two commands that matter most: dialing a device and joining it to the caller.
#include "sim/carrier.hpp"

#include <algorithm>
#include <utility>

namespace z360::sim {

reply carrier::dial(const order& o, time_point now) {
    const auto& b = o.body;
    const auto connection = b["connection_id"].get<std::string>();
    if (connection != settings_.app_connection_id)
        return refuse(422, "10015", "connection_id names no call control application of this account.");
    const auto& to = b["to"];
    std::vector<std::string> targets;
    if (to.is_array())
        targets = to.get<std::vector<std::string>>();
    else
        targets.push_back(to.get<std::string>());
    if (auto refused = refuses_dial(o, targets.size(), now)) return std::move(*refused);
    const auto link_to = b.value("link_to", std::string{});
    const auto* linked = link_to.empty() ? nullptr : find(link_to);
    std::string id;
    for (const auto& target : targets) {
        recent_dials_.push_back(now);
        auto& l = dial_one(o, target, linked, now);
        if (targets.size() > 1) l.dialed_with = o.request;
        if (id.empty()) id = l.view.call_control_id; // one call object, whoever is dialed
    }
    auto& l = legs_.at(id);
    json data{
        {"record_type", "call"},
        {"call_control_id", id},
        {"call_leg_id", l.view.call_leg_id},
        {"call_session_id", l.view.call_session_id},
        {"client_state", l.view.client_state},
        {"is_alive", false}, // dialing is asynchronous
        {"start_time", iso8601(now)},
    };
    if (b.contains("record")) data["recording_id"] = start_recording(o, l, "record_", now);
    auto& record = truth_.commands.at(o.request);
    record.call_control_id = id;
    record.session = l.view.call_session_id;
    reply r;
    r.status = 200;
    r.body = json{{"data", std::move(data)}};
    return r;
}

std::optional<reply> carrier::refuses_dial(const order& o, std::size_t targets, time_point now) {
    while (!recent_dials_.empty() && recent_dials_.front() + settings_.dial_window <= now)
        recent_dials_.pop_front();
    if (recent_dials_.size() + targets > settings_.dials_per_window)
        return refuse(429, "90103", "More dials per second than the account allows.");
    if (settings_.unknown.outbound_channels != 0) {
        const auto busy = std::count_if(legs_.begin(), legs_.end(), [](const auto& e) {
            return e.second.view.alive() && e.second.view.kind != leg_kind::caller;
        });
        const auto all = static_cast<std::size_t>(busy) + targets;
        if (all > settings_.unknown.outbound_channels)
            return refuse(422, "90043", "All outbound channels of the connection are in use.");
    }
    const auto link_to = o.body.value("link_to", std::string{});
    const auto* linked = link_to.empty() ? nullptr : find(link_to);
    if (!link_to.empty() && !linked) return refuse(422, "90015", "link_to names no call.");
    if (linked && !linked->view.alive()) return refuse(422, "90018", "The linked call has ended.");
    return std::nullopt;
}

carrier::leg_state&
carrier::dial_one(const order& o, const std::string& to, const leg_state* linked, time_point now) {
    const auto& b = o.body;
    const auto user = is_own_address(to) ? sip_user(to) : std::nullopt;
    auto from = b["from"].get<std::string>();
    if (linked && b.value("bridge_intent", false)) from = linked->view.from;
    const auto kind = user ? leg_kind::device : sip_user(to) ? leg_kind::address : leg_kind::number;
    auto& l = new_leg(kind, linked ? linked->view.call_session_id : std::string{}, now);
    l.view.from = std::move(from);
    l.view.to = to;
    l.view.username = user.value_or(std::string{});
    l.view.link_to = b.value("link_to", std::string{});
    if (b.contains("client_state")) l.view.client_state = b["client_state"];
    l.bridge_on_answer = b.value("bridge_on_answer", false);
    l.prevent_double_bridge = b.value("prevent_double_bridge", false);
    l.park_after_unbridge = b.contains("park_after_unbridge");
    l.retry_on_timeout = b.value("retry_on_timeout", true);
    send_out(l, o, now);
    return l;
}

// What a new leg has of a dial or a transfer alike.
void carrier::send_out(leg_state& l, const order& o, time_point now) {
    const auto& b = o.body;
    l.silent = o.fault && o.fault->silent_leg;
    if (b.contains("custom_headers")) l.custom_headers = b["custom_headers"];
    if (b.contains("webhook_retries_policies")) l.policies = b["webhook_retries_policies"];
    l.webhook_url = b.value("webhook_url", std::string{});
    l.from_display_name = b.value("from_display_name", std::string{});
    const auto script = phones_.find(l.view.username.empty() ? l.view.to : l.view.username);
    l.behaviour = script == phones_.end() ? default_phone_ : script->second;

    const auto id = l.view.call_control_id;
    after(now + settings_.dial_progress, [this, id](time_point t) { invite(id, t); });
    after(now + std::chrono::seconds{b.value("timeout_secs", 30)}, [this, id](time_point t) {
        auto* leg = find(id);
        if (!leg || !leg->view.alive() || leg->view.answered_at) return;
        end_leg(*leg, leg->retry_on_timeout ? "timeout" : "no_answer", "callee", "487", t);
    });
    after(now + std::chrono::seconds{b.value("time_limit_secs", 14'400)}, [this, id](time_point t) {
        if (auto* leg = find(id)) end_leg(*leg, "time_limit", "unknown", "200", t);
    });
}

reply carrier::bridge(const order& o, leg_state& path, time_point now) {
    const auto& b = o.body;
    auto* target = find(b["call_control_id"].get<std::string>());
    if (!target) return refuse(422, "90015", "The call to bridge with does not exist.");
    if (!target->view.alive()) return refuse(422, "90018", "The call to bridge with has ended.");
    if (target == &path) return refuse(422, "10015", "A call cannot be bridged with itself.");
    for (const auto* l : {&path, target}) {
        const bool parked_caller = l->view.kind == leg_kind::caller;
        if (l->view.answered_at) continue;
        if (!parked_caller || !settings_.unknown.bridge_answers_caller)
            return refuse(422, "90034", "The call has not been answered.");
    }
    json data{{"result", "ok"}};
    reply r;
    r.status = 200;
    const bool together = path.view.bridged_with == target->view.call_control_id;
    const bool taken = !target->view.bridged_with.empty() && !together &&
                       now - target->bridged_at >= settings_.unknown.fence_lag;
    if (taken && b.value("prevent_double_bridge", false)) {
        if (settings_.unknown.fence == unknowns::fence_answer::refused)
            return refuse(422, settings_.unknown.fence_code, "The call is bridged with another call.");
        r.body = json{{"data", std::move(data)}};
        return r;
    }
    if (b.contains("client_state")) path.view.client_state = b["client_state"];
    if (b.contains("park_after_unbridge")) path.park_after_unbridge = true;
    if (!together) {
        for (auto* l : {&path, target})
            if (!l->view.answered_at) leg_answered(*l, now);
        join(path, *target, now, o.fault ? o.fault->one_sided : std::string{});
        if (o.fault && !o.fault->one_sided.empty()) truth_.commands.at(o.request).fault = "one_sided";
    }
    if (b.contains("record")) {
        auto id = start_recording(o, path, "record_", now);
        if (!id.empty() && settings_.unknown.bridge_names_recording) data["recording_id"] = std::move(id);
    }
    r.body = json{{"data", std::move(data)}};
    return r;
}

} // namespace z360::sim
