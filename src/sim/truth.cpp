// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/truth.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace z360::sim {

namespace {
json when(const std::optional<time_point>& t) {
    if (!t) return nullptr;
    return iso8601(*t);
}
const char* kind_name(leg_kind k) {
    switch (k) {
    case leg_kind::caller: return "caller";
    case leg_kind::device: return "device";
    case leg_kind::number: return "number";
    case leg_kind::address: return "address";
    case leg_kind::device_outgoing: return "device_outgoing";
    }
    return "caller";
}
} // namespace

std::string_view name(delivery_state s) {
    switch (s) {
    case delivery_state::queued: return "queued";
    case delivery_state::sending: return "sending";
    case delivery_state::delivered: return "delivered";
    case delivery_state::failed: return "failed";
    case delivery_state::dropped: return "dropped";
    }
    return "queued";
}

std::size_t truth::most_devices_per_caller() const {
    std::map<std::string, std::set<std::string>> devices;
    std::size_t most = 0;
    for (const auto& b : bridges) {
        auto& met = devices[b.caller];
        met.insert(b.device);
        most = std::max(most, met.size());
    }
    return most;
}

std::size_t truth::displaced_bridges() const {
    return static_cast<std::size_t>(std::count_if(bridges.begin(), bridges.end(), [](const bridge_record& b) {
        return b.displaced_another;
    }));
}

std::vector<const command_record*> truth::commands_of(std::string_view verb, std::string_view session) const {
    std::vector<const command_record*> out;
    for (const auto& [id, c] : commands)
        if (c.verb == verb && (session.empty() || c.session == session)) out.push_back(&c);
    return out;
}

std::vector<const webhook_record*> truth::webhooks_of(std::string_view type, std::string_view session) const {
    std::vector<const webhook_record*> out;
    for (const auto& [id, w] : webhooks)
        if (w.event_type == type && (session.empty() || w.session == session)) out.push_back(&w);
    return out;
}

json to_json(const leg_view& l) {
    return json{
        {"call_control_id", l.call_control_id},
        {"call_leg_id", l.call_leg_id},
        {"call_session_id", l.call_session_id},
        {"kind", kind_name(l.kind)},
        {"from", l.from},
        {"to", l.to},
        {"username", l.username},
        {"began", iso8601(l.began)},
        {"ringing_since", when(l.ringing_since)},
        {"answered_at", when(l.answered_at)},
        {"ended_at", when(l.ended_at)},
        {"bridged_with", l.bridged_with},
        {"hangup_cause", l.hangup_cause},
        {"hangup_source", l.hangup_source},
        {"recording", l.recording},
        {"recording_paused", l.recording_paused},
        {"playing", l.playing},
    };
}

json to_json(const bridge_record& b) {
    return json{
        {"caller", b.caller},        {"device", b.device},     {"session", b.session},
        {"began", iso8601(b.began)}, {"ended", when(b.ended)}, {"displaced_another", b.displaced_another},
    };
}

json to_json(const command_record& c) {
    return json{
        {"at", iso8601(c.at)},
        {"acted_at", when(c.acted_at)},
        {"replied_at", when(c.replied_at)},
        {"verb", c.verb},
        {"session", c.session},
        {"call_control_id", c.call_control_id},
        {"target", c.target},
        {"command_id", c.command_id},
        {"status", c.status},
        {"credential_id", c.credential_id},
        {"code", c.code},
        {"duplicate", c.duplicate},
        {"fault", c.fault},
    };
}

json to_json(const webhook_record& w) {
    json attempts = json::array();
    for (const auto& a : w.attempts)
        attempts.push_back(json{
            {"url", a.url},
            {"started", iso8601(a.started)},
            {"ms", (a.finished - a.started).count()},
            {"status", a.status},
            {"error", a.error},
        });
    return json{
        {"event_id", w.event_id},
        {"event_type", w.event_type},
        {"call_control_id", w.call_control_id},
        {"session", w.session},
        {"emitted_at", iso8601(w.emitted_at)},
        {"state", name(w.state)},
        {"copy", w.copy},
        {"attempts", std::move(attempts)},
    };
}

json to_json(const violation& v) {
    return json{
        {"at", iso8601(v.at)},
        {"verb", v.verb},
        {"call_control_id", v.call_control_id},
        {"code", v.what.code},
        {"pointer", v.what.pointer},
        {"detail", v.what.detail},
        {"fatal", v.what.fatal},
    };
}

} // namespace z360::sim
