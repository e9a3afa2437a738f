// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/views.hpp"

#include "edge/api/client_rules.hpp"

#include <algorithm>

namespace z360::edge::api {
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

namespace {

json device_label(const call::route& r, const call::target& t) {
    return {
        {"id", t.device.value},
        {"user_id", person_of(r, t).value},
        {"device_name", text_or_null(t.device_name)},
        {"platform", t.platform},
    };
}
// One that is in rotation stands there with two identities.
void add_once(json& to, json device) {
    const auto same = [&device](const json& d) { return d["id"] == device["id"]; };
    if (std::none_of(to.begin(), to.end(), same)) to.push_back(std::move(device));
}

} // namespace

json route_json(const call::route& r, time_point at) {
    json devices = json::array();
    for (const auto& t : r.targets)
        add_once(devices, device_label(r, t));
    json left_out = json::array();
    for (const auto& t : r.left_out) {
        auto d = device_label(r, t);
        d["why"] = call::name(t.left_out);
        add_once(left_out, std::move(d));
    }
    json waves = json::array();
    for (const auto& w : r.plan) {
        json branches = json::array();
        for (const auto& b : w.branches)
            branches.push_back({
                {"user_id", b.user.none() ? json(nullptr) : json(b.user.value)},
                {"number", text_or_null(b.number)},
                {"agent", text_or_null(b.agent)},
                {"asked", b.asked},
                {"delay_ms", b.after.count()},
                {"rings_ms", b.lasts == millis{0} ? json(nullptr) : json(b.lasts.count())},
            });
        waves.push_back({{"lasts_ms", w.lasts.count()}, {"members", std::move(branches)}});
    }
    const auto outcome = call::outcome_of(r);
    const bool spoken = outcome != call::route_outcome::rejected;
    return {
        {"number", r.number_e164},
        {"organization_id", r.org.value},
        {"at", iso8601(at)},
        {"outcome", call::name(outcome)},
        {"cause", call::name(r.cause)},
        {"receiving_user_id", r.user.none() ? json(nullptr) : json(r.user.value)},
        {"caller_name", text_or_null(r.caller_name)},
        {"devices", std::move(devices)},
        {"left_out", std::move(left_out)},
        {"waves", std::move(waves)},
        {"mobile_number", text_or_null(r.mobile)},
        {"ring_seconds", std::chrono::duration_cast<std::chrono::seconds>(r.rules.ring_time).count()},
        {"recording", call::name(call::recording_of(r.rules))},
        {"recording_set_by", r.rules.recorded_by_number ? "number" : "organization"},
        {"recording_announcement", text_or_null(r.rules.recording_announcement)},
        {"greeting", spoken ? text_or_null(r.rules.voicemail_greeting) : json(nullptr)},
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

wire::call_labels labels_of(const port::call_view& c) {
    return {c.version, c.position, c.org.id, c.org.name, c.org.slug, c.channel_number, c.device_uids};
}

} // namespace z360::edge::api
