// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/views.hpp"

#include "edge/api/client_rules.hpp"

#include <algorithm>
#include <chrono>

namespace z360::edge::api {
namespace {

/// What the device's leg is doing, finer than its status (MOB-05): an app can say "connecting" by it.
std::string_view leg_state(const call::device_leg* leg) {
    if (leg == nullptr) return "none";
    if (leg->dial == call::dial_status::failed) return "failed";
    if (leg->ended) return "ended";
    if (leg->release != call::release_reason::none) return "released";
    if (leg->bridged) return "bridged";
    if (leg->answered) return "answered";
    if (leg->initiated) return "ringing";
    return leg->dial == call::dial_status::accepted ? "dialed" : "dialing";
}

/// Winner before living before dead.
int weight(const call::state& s, const call::device_leg& leg) {
    if (s.bridge.winner == leg.id) return 3;
    if (leg.bridged) return 2;
    return leg.alive() ? 1 : 0;
}

const call::device_leg* winner_of(const call::state& s) {
    if (s.bridge.winner) return s.find(*s.bridge.winner);
    const auto joined = std::find_if(s.legs.begin(), s.legs.end(), [](const auto& l) { return l.bridged; });
    return joined == s.legs.end() ? nullptr : &*joined;
}

json uid_of(const port::call_view& c, const call::device_leg* leg) {
    if (leg == nullptr) return nullptr;
    for (const auto& [device, uid] : c.device_uids)
        if (device == leg->to.device) return uid;
    return nullptr;
}

json reason_of(const call::state& s, const call::device_leg* leg, std::string_view status) {
    if (status == "answered_elsewhere") return "answered_elsewhere";
    if (over(s)) return call::name(s.reason);
    if (leg != nullptr && leg->release != call::release_reason::none) return call::name(leg->release);
    return nullptr;
}

/// Nobody of ours talked to them, and nobody was to blame but the phone that was not picked up.
bool is_missed(const call::state& s) {
    if (!over(s) || s.bridged_at) return false;
    switch (s.reason) {
    case call::end_reason::caller_cancelled:
    case call::end_reason::voicemail:
    case call::end_reason::failed: return true;
    case call::end_reason::none:
    case call::end_reason::completed:
    case call::end_reason::rejected: return false;
    }
    return false;
}

} // namespace

json time_or_null(const std::optional<time_point>& t) {
    return t ? json(iso8601(*t)) : json(nullptr);
}

json text_or_null(std::string_view text) {
    return text.empty() ? json(nullptr) : json(text);
}

bool push_token_required(const port::device_view& d) {
    return d.platform != "web" && d.push_state != "active";
}

json prompts_json(const port::device_view& d) {
    json out = json::array();
    for (const auto& p : prompts_for(d.platform, d.capabilities))
        out.push_back({{"capability", p.capability}, {"message", p.text}});
    return out;
}

json organization_json(const port::org_label& o) {
    return {
        {"id", o.id.value},
        {"name", o.name},
        {"slug", o.slug},
        {"role", text_or_null(o.role)},
        {"caller_id_number", text_or_null(o.default_caller_id)},
        {"status", o.status},
    };
}

json device_json(const port::device_view& d) {
    json identity = nullptr;
    if (d.identity)
        identity = {
            {"state", d.identity->state},
            {"sip_username", text_or_null(d.identity->sip_username)},
            {"credential_version", d.identity->version},
            {"expires_at", time_or_null(d.identity->expires_at)},
            {"proved", d.identity->proved},
        };
    auto capabilities = json::parse(d.capabilities, nullptr, false);
    if (!capabilities.is_object()) capabilities = json::object();
    return {
        {"id", d.id.value},
        {"device_id", d.uid},
        {"user_id", d.user.value},
        {"device_name", text_or_null(d.name)},
        {"platform", d.platform},
        {"status", d.status},
        {"status_reason", text_or_null(d.status_reason)},
        {"app_version", text_or_null(d.app_version)},
        {"sdk_version", text_or_null(d.sdk_version)},
        {"os_version", text_or_null(d.os_version)},
        {"bundle_id", text_or_null(d.bundle_id)},
        {"apns_env", text_or_null(d.apns_env)},
        {"capabilities", std::move(capabilities)},
        {"embedded_webview", d.embedded_webview},
        {"native_handles_calls", d.native_handles_calls},
        {"push_state", d.push_state},
        {"push_token_required", push_token_required(d)},
        {"push_updated_at", time_or_null(d.push_updated_at)},
        {"last_active_at", iso8601(d.last_seen_at)},
        {"registered_at", iso8601(d.registered_at)},
        {"identity", std::move(identity)},
        {"on_call", d.on_call},
        {"call_session_id", d.call_session_id ? json(*d.call_session_id) : json(nullptr)},
    };
}

const call::device_leg* leg_of(const call::state& s, device_id d) {
    const call::device_leg* best = nullptr;
    if (d.none()) return best;
    for (const auto& leg : s.legs) {
        if (leg.to.device != d) continue;
        if (best == nullptr || weight(s, leg) > weight(s, *best)) best = &leg;
    }
    return best;
}

bool concerns(const port::call_view& c, device_id asking) {
    if (asking.none()) return true;
    const auto* leg = leg_of(c.state, asking);
    return leg != nullptr && leg->alive() && status_for(c.state, asking) != "answered_elsewhere";
}

std::string_view status_for(const call::state& s, device_id asking) {
    const auto* mine = leg_of(s, asking);
    if (mine != nullptr && s.bridge.winner != mine->id && !mine->bridged &&
        mine->release == call::release_reason::answered_elsewhere)
        return "answered_elsewhere";
    return call::name(phase_of(s));
}

json call_json(const port::call_view& c, device_id asking) {
    const auto& s = c.state;
    const auto* leg = leg_of(s, asking);
    const auto* winner = winner_of(s);
    const auto status = status_for(s, asking);
    const auto ring = std::chrono::duration_cast<std::chrono::seconds>(s.routed.rules.ring_time).count();
    json organization{{"id", c.org.id.value}, {"name", c.org.name}, {"slug", c.org.slug}};
    json callback = nullptr;
    if (is_e164(s.caller.number))
        callback = {
            {"to", s.caller.number},
            {"organization_id", c.org.id.value},
            {"from", text_or_null(c.channel_number)},
        };
    return {
        {"call_id", s.id.text()},
        {"call_uuid", s.id.text()},
        {"call_session_id", s.caller.call_session_id.empty() ? s.id.text() : s.caller.call_session_id},
        {"direction", "inbound"},
        {"status", status},
        {"state", call::name(phase_of(s))},
        {"reason", reason_of(s, leg, status)},
        {"seq", c.version},
        {"position", c.position},
        {"missed", is_missed(s)},
        {"started_at", iso8601(s.began)},
        {"answered_at", time_or_null(s.bridged_at ? s.bridged_at : s.answered_at)},
        {"ended_at", time_or_null(s.ended_at)},
        {"ring_expires_at", iso8601(s.ring_deadline)},
        {"ring_seconds", ring},
        {"winner_device_id", uid_of(c, winner)},
        {"device_state", leg == nullptr ? json(nullptr) : json(call::name(call::status_of(*leg)))},
        {"leg_state", leg_state(leg)},
        {"organization_id", c.org.id.value},
        {"organization", std::move(organization)},
        {"caller_number", text_or_null(s.caller.number)},
        {"caller_name", text_or_null(s.routed.caller_name)},
        {"channel_number", text_or_null(c.channel_number)},
        {"callback", std::move(callback)},
    };
}

} // namespace z360::edge::api
