// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes as tests want them, and what became of them.
#pragma once

#include "wire/apns.hpp"
#include "wire/fcm.hpp"

#include <z360/push/message.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace z360::testing {

inline constexpr time_point k_now{std::chrono::milliseconds{1'780'000'000'000}}; // 2026-05-28T20:26:40Z
inline constexpr std::string_view k_call = "5b0a7c1e-2f43-4a6d-9c58-3de1f0a4b7c2";

inline push::message call_message(push::kind k = push::kind::incoming_call) {
    push::message m;
    m.what = k;
    m.org = {org_id{42}, "Baker Street Ltd", "baker-street"};
    m.at = k_now;
    m.deadline = k_now + std::chrono::seconds{30};
    m.seq = 3;
    m.call.id = *call_id::parse(k_call);
    m.call.session = std::string(k_call);
    m.call.caller_control_id = "v3:caller-leg";
    m.call.caller_number = "+15550100001";
    m.call.caller_name = "Ada Lovelace";
    m.call.caller_avatar = "https://example.com/avatars/ada.png";
    m.call.channel_number = "+15550100099";
    m.call.ring_seconds = 30;
    m.call.ticket = secret("ticket-of-this-ring");
    m.device.uid = "phone-1";
    m.device.credential_version = 2;
    m.device.api_base = "https://voip.example.com";
    if (k == push::kind::call_ended) {
        m.reason = push::ended_reason::answered_elsewhere;
        m.winner_device = "tablet-1";
        m.deadline = k_now + push::lifetime(k);
    }
    if (k == push::kind::missed_call) {
        m.reason = push::ended_reason::caller_gone;
        m.deadline = k_now + push::lifetime(k);
    }
    return m;
}

inline push::message notice(push::kind k) {
    push::message m;
    m.what = k;
    m.at = k_now;
    m.deadline = k_now + push::lifetime(k);
    m.device.uid = "phone-1";
    m.occasion = "2026-05-28";
    return m;
}

inline push::message business() {
    auto m = notice(push::kind::business);
    m.org = {org_id{42}, "Baker Street Ltd", "baker-street"};
    m.occasion = "notification-77";
    m.shown.type = "message_received";
    m.shown.title = "[Baker Street Ltd] Ada Lovelace";
    m.shown.body = "Is the engine running?";
    m.shown.link = "/inbox/9?organization_id=42";
    m.shown.channel = "messages";
    m.shown.collapse_key = "conversation-9";
    m.shown.extras = {{"conversation_id", "9"}};
    return m;
}

inline push::target target_of(push::token_kind k) {
    push::target t;
    t.device = device_id{7};
    t.token_is = k;
    const bool apple = push::provider_of(k) == push::provider::apns;
    std::string hex;
    for (int i = 0; i < 32; ++i)
        hex += "a1";
    t.token = secret(apple ? hex : std::string("fcm-token-of-a-phone:APA91b"));
    t.env = push::environment::production;
    t.bundle_id = "com.example.voip";
    t.registered_at = k_now - std::chrono::hours{24};
    return t;
}

inline const wire::apns_apps& apple_apps() {
    static const wire::apns_apps k_apps{{"com.example.voip", "com.example.other"}, "com.example.voip"};
    return k_apps;
}
inline const wire::fcm_apps& google_apps() {
    static const wire::fcm_apps k_apps{"z360-example", {"com.example.voip"}};
    return k_apps;
}

inline wire::push_built to_apns(const push::message& m, const push::target& t, bool smaller = false) {
    return wire::build_apns(m, t, apple_apps(), k_now, smaller);
}
inline wire::push_built to_fcm(const push::message& m, const push::target& t, bool smaller = false) {
    return wire::build_fcm(m, t, google_apps(), k_now, smaller);
}

/// The payload; null: there is no request.
inline nlohmann::json body_of(const wire::push_built& b) {
    return b.request ? nlohmann::json::parse(b.request->body.reveal()) : nlohmann::json();
}
/// Empty: there is none.
inline std::string header_of(const wire::push_built& b, std::string_view name) {
    if (b.request)
        for (const auto& h : b.request->headers)
            if (h.name == name) return std::string(h.value.reveal());
    return {};
}

} // namespace z360::testing
