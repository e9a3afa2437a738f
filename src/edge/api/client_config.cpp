// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/client_config.hpp"

#include <chrono>

namespace z360::edge::api {
namespace {

json or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

} // namespace

std::string_view auth_mode(const api_context& s, std::string_view platform, std::string_view sdk_version) {
    return s.rules.jwt_only(platform, sdk_version) ? "jwt" : "credentials";
}

json client_config(
    const api_context& s, const std::string& base, const port::device_view& device, time_point now
) {
    const auto& platform = device.platform;
    const auto& c = s.ports.settings;
    std::string ws = c.clients.ws_url;
    if (ws.empty())
        ws = (base.starts_with("http://") ? "ws" : "wss") + base.substr(base.find("://")) + "/app";
    const auto ring = std::chrono::duration_cast<std::chrono::seconds>(c.calls.ring_time).count();
    return {
        {"environment", c.server.environment},
        {"sandbox", c.server.sandbox},
        {"api_base_url", base},
        {"ws_url", ws},
        {"auth_mode", auth_mode(s, platform, device.sdk_version)},
        {"auto_reconnect", true},
        {"force_relay", c.clients.force_relay || (device.relay_until && now < *device.relay_until)},
        {"ring_seconds", ring},
        {"status_poll_seconds", 3},
        {"push_sync_ms", 500},
        {"cooldown_seconds", 0
        }, // calls are told apart by call_uuid; a second call soon after the first rings
        {"min_version", or_null(s.rules.min_version(platform))},
        {"latest_version", or_null(s.rules.latest_version(platform))},
        {"store_url", or_null(s.rules.store_url(platform))},
        {"features",
         {{"apple_sign_in", s.ports.apple != nullptr},
          {"cookies", s.ports.cookies != nullptr},
          {"password_reveal", true},
          {"sealed_passwords", true}}},
    };
}

} // namespace z360::edge::api
