// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Webhooks: their payloads, the faults on their way, the journal of their delivery.
#include "sim/carrier.hpp"

#include <algorithm>
#include <utility>

namespace z360::sim {

namespace {
constexpr millis k_longest_hold{1000};
constexpr const char* k_own_host = "@sip.telnyx.com";
} // namespace

json carrier::payload_of(const leg_state& l) const {
    json p = json::object(); // one by one: a braced list copies each of them
    p["call_control_id"] = l.view.call_control_id;
    p["call_leg_id"] = l.view.call_leg_id;
    p["call_session_id"] = l.view.call_session_id;
    p["connection_id"] = l.view.connection_id;
    p["client_state"] = l.view.client_state;
    p["from"] = l.view.from;
    p["to"] = l.view.to;
    p["start_time"] = iso8601(l.view.began);
    const bool device_calls = l.view.kind == leg_kind::device_outgoing;
    p["calling_party_type"] = device_calls ? "sip" : "pstn";
    const auto form = settings_.unknown.address;
    if (device_calls && form != unknowns::device_address::none)
        p["from_sip_uri"] =
            (form == unknowns::device_address::bare ? "" : "sip:") + l.view.username + k_own_host;
    if (!l.custom_headers.is_null()) p["custom_headers"] = l.custom_headers;
    if (!l.from_display_name.empty()) p["caller_id_name"] = l.from_display_name;
    return p;
}

void carrier::emit(const leg_state& l, std::string type, json extra, time_point now, millis later) {
    json payload = payload_of(l);
    for (auto& [key, value] : extra.items())
        payload[key] = std::move(value);
    payload["occurred_at"] = iso8601(now);
    webhook w;
    w.event_type = std::move(type);
    w.data = json::object();
    w.data["record_type"] = "event";
    w.data["event_type"] = w.event_type;
    w.data["id"] = make_id("event");
    w.data["occurred_at"] = iso8601(now);
    w.data["payload"] = std::move(payload);
    w.source = l.view.connection_id == settings_.credential_connection_id
                   ? webhook_source::credential_connection
                   : webhook_source::call_control_app;
    w.url = l.webhook_url;
    if (l.policies.is_object() && l.policies.contains(w.event_type)) {
        std::vector<millis> retries;
        for (const auto& ms : l.policies[w.event_type]["retries_ms"])
            retries.emplace_back(ms.get<std::int64_t>());
        w.retries = std::move(retries);
    }
    enqueue(std::move(w), l, now, now + later + settings_.webhook_latency, false);
}

void carrier::enqueue(webhook w, const leg_state& l, time_point emitted, time_point due, bool copy) {
    webhook_fault hit;
    hit.drop = l.silent;
    for (auto& f : webhook_faults_) {
        if (copy || f.fault.unreachable ||
            (!f.fault.event_type.empty() && f.fault.event_type != w.event_type))
            continue;
        if (!leg_matches(f.fault.match.leg, &l, {}) || !f.fires(emitted)) continue;
        hit.delay += f.fault.delay;
        hit.drop = hit.drop || f.fault.drop;
        hit.after_next = hit.after_next || f.fault.after_next;
        if (!f.fault.form.empty()) hit.form = f.fault.form;
        if (f.fault.duplicates > 0) {
            hit.duplicates += f.fault.duplicates;
            hit.duplicate_after = f.fault.duplicate_after;
            hit.new_id = f.fault.new_id;
        }
    }
    due += hit.delay;
    if (!copy) w.form = hit.form;
    webhook_record r;
    r.id = ++serial_;
    r.event_id = w.data["id"].get<std::string>();
    r.event_type = w.event_type;
    r.call_control_id = l.view.call_control_id;
    r.session = l.view.call_session_id;
    r.emitted_at = emitted;
    r.due = due;
    r.copy = copy;
    r.data = w.data;
    if (hit.drop) r.state = delivery_state::dropped;
    w.record = r.id;
    const auto session = r.session;
    truth_.webhooks.emplace(r.id, std::move(r));
    for (unsigned i = 1; i <= hit.duplicates; ++i) {
        auto twin = w;
        if (hit.new_id) twin.data["id"] = make_id("event");
        twin.earlier = hit.new_id ? 0 : i;
        enqueue(std::move(twin), l, emitted, due + hit.duplicate_after * i, true);
    }
    if (hit.drop) return;
    if (hit.after_next) {
        const auto record = w.record;
        held_.push_back({record, std::move(w), session});
        // The last webhook of a session has no successor; it must not be lost for that.
        after(due + k_longest_hold, [this, record](time_point t) {
            const auto it = std::find_if(held_.begin(), held_.end(), [record](const held_webhook& h) {
                return h.record == record;
            });
            if (it == held_.end()) return;
            outbox_.emplace(t, std::move(it->what));
            held_.erase(it);
        });
        return;
    }
    outbox_.emplace(due, std::move(w));
    if (copy) return;
    // Whoever waited for this one goes out right behind it.
    std::vector<held_webhook> still;
    for (auto& h : std::exchange(held_, {})) {
        if (h.session == session) {
            truth_.webhooks.at(h.record).due = due + millis{1};
            outbox_.emplace(due + millis{1}, std::move(h.what));
        } else {
            still.push_back(std::move(h));
        }
    }
    held_ = std::move(still);
}

std::vector<webhook> carrier::take_webhooks(time_point now) {
    advance(now);
    std::vector<webhook> out;
    while (!outbox_.empty() && outbox_.begin()->first <= now) {
        out.push_back(std::move(outbox_.extract(outbox_.begin()).mapped()));
        const auto it = truth_.webhooks.find(out.back().record);
        if (it != truth_.webhooks.end()) it->second.state = delivery_state::sending;
    }
    return out;
}

bool carrier::delivery_fails(std::uint64_t record, time_point now) const {
    const auto it = truth_.webhooks.find(record);
    if (it == truth_.webhooks.end()) return false;
    const auto leg = legs_.find(it->second.call_control_id);
    const auto* l = leg == legs_.end() ? nullptr : &leg->second;
    return std::any_of(webhook_faults_.begin(), webhook_faults_.end(), [&](const auto& f) {
        const auto& what = f.fault;
        if (!what.unreachable || now < f.set_at + what.match.from) return false;
        if (what.match.until && now >= f.set_at + *what.match.until) return false;
        return (what.event_type.empty() || what.event_type == it->second.event_type) &&
               leg_matches(what.match.leg, l, {});
    });
}

void carrier::record_attempt(std::uint64_t record, delivery_attempt attempt) {
    const auto it = truth_.webhooks.find(record);
    if (it != truth_.webhooks.end()) it->second.attempts.push_back(std::move(attempt));
}

void carrier::record_outcome(std::uint64_t record, delivery_state outcome) {
    const auto it = truth_.webhooks.find(record);
    if (it != truth_.webhooks.end()) it->second.state = outcome;
}

bool carrier::leg_matches(const std::string& selector, const leg_state* l, const std::string& target) const {
    if (selector.empty()) return true;
    if (!l) return selector == target || (selector == "device" && !target.empty() && target[0] != '+');
    switch (l->view.kind) {
    case leg_kind::caller:
        if (selector == "caller") return true;
        break;
    case leg_kind::device:
        if (selector == "device") return true;
        break;
    case leg_kind::number:
    case leg_kind::address:
        if (selector == l->view.to) return true;
        break;
    case leg_kind::device_outgoing: break;
    }
    return selector == l->view.username || selector == l->view.call_control_id;
}

} // namespace z360::sim
