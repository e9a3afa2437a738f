// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys of the API for devices and administration.
#include "app/key_builders.hpp"

namespace z360::app {
namespace {

constexpr std::int64_t k_second = 1'000;
constexpr std::int64_t k_minute = 60'000;
constexpr std::int64_t k_day = 86'400'000;
constexpr std::int64_t k_year = 365 * k_day;

void add_credentials(std::vector<key_spec>& k) {
    k.push_back(duration(
        "credentials.life_ms", "Life of a device's SIP credential, at Telnyx too.", 10 * k_second, k_year,
        [](auto& c) -> auto& { return c.credentials.life; }
    ));
    k.push_back(number(
        "credentials.rotate_percent", "Share of its life after which it is replaced.", "percent", 10, 95,
        [](auto& c) -> auto& { return c.credentials.rotate_percent; }
    ));
    k.push_back(duration(
        "credentials.overlap_ms", "Longest time that the old one stays beside the new one.", k_second,
        3 * k_day, [](auto& c) -> auto& { return c.credentials.overlap; }
    ));
    k.push_back(boolean(
        "credentials.password_in_replies", "The SIP password in every registration reply, for old clients.",
        [](auto& c) -> auto& { return c.credentials.password_in_replies; }
    ));
    k.push_back(number(
        "credentials.max_browsers", "Browsers of one person; the longest idle one goes.", "", 1, 100,
        [](auto& c) -> auto& { return c.credentials.max_browsers; }
    ));
    k.push_back(number(
        "credentials.requests_per_second", "Requests to Telnyx about credentials, of each process.", "", 1,
        1'000, [](auto& c) -> auto& { return c.credentials.requests_per_second; }
    ));
    k.push_back(duration(
        "credentials.compare_every_ms", "Pause between comparisons with Telnyx's list.", k_second, k_day,
        [](auto& c) -> auto& { return c.credentials.compare_every; }
    ));
    k.push_back(duration(
        "credentials.stray_age_ms", "A credential at Telnyx that no row knows is deleted at this age.",
        k_second, 30 * k_day, [](auto& c) -> auto& { return c.credentials.stray_age; }
    ));
    k.push_back(duration(
        "credentials.registration_budget_ms",
        "How long a registration waits for Telnyx before it says pending.", 0, 30 * k_second,
        [](auto& c) -> auto& { return c.credentials.registration_budget; }
    ));
}

void add_auth(std::vector<key_spec>& k) {
    k.push_back(text(
        "auth.introspection_url", "Tells whose cookie it is; empty: no cookies.", "https URL", true,
        check_http_url, [](auto& c) -> auto& { return c.auth.introspection_url; }
    ));
    k.push_back(duration(
        "auth.introspection_cache_ms", "How long its answer is remembered.", 0, 30 * k_second,
        [](auto& c) -> auto& { return c.auth.introspection_cache; }
    ));
    k.push_back(text(
        "auth.cookie_name", "Name of the web product's session cookie, for the API's document.",
        "cookie name", false, check_cookie_name, [](auto& c) -> auto& { return c.auth.cookie_name; }
    ));
    k.push_back(list(
        "auth.allowed_origins", "Web pages that may send cookies and read replies.", "https origins",
        check_origin, [](auto& c) -> auto& { return c.auth.allowed_origins; }
    ));
    k.push_back(boolean(
        "auth.native_webviews",
        "So may pages inside native apps: capacitor://localhost and https://localhost.",
        [](auto& c) -> auto& { return c.auth.native_webviews; }
    ));
    k.push_back(duration(
        "auth.device_sliding_ms", "A device's token ends when it was not used for so long.", k_minute, k_year,
        [](auto& c) -> auto& { return c.auth.device_sliding; }
    ));
    k.push_back(duration(
        "auth.device_absolute_ms", "A device's token ends at this age however much it is used.", k_minute,
        2 * k_year, [](auto& c) -> auto& { return c.auth.device_absolute; }
    ));
    k.push_back(list(
        "apple.client_ids", "Apps that Sign in with Apple is accepted of; none: it is off.", "bundle ids",
        check_bundle_id, [](auto& c) -> auto& { return c.apple.client_ids; }
    ));
    k.push_back(text(
        "apple.keys_url", "Apple's keys.", "https URL", false, check_http_url,
        [](auto& c) -> auto& { return c.apple.keys_url; }
    ));
    k.push_back(text(
        "apple.issuer", "Who must have issued an identity token.", "https URL", false, check_http_url,
        [](auto& c) -> auto& { return c.apple.issuer; }
    ));
}

void add_clients(std::vector<key_spec>& k) {
    k.push_back(text(
        "clients.ws_url", "Event socket that apps connect to; empty: server.public_url with /app.", "wss URL",
        true, check_ws_url, [](auto& c) -> auto& { return c.clients.ws_url; }
    ));
    k.push_back(list(
        "clients.min_versions", "Older apps may not register.", "platform=version", check_platform_version,
        [](auto& c) -> auto& { return c.clients.min_versions; }
    ));
    k.push_back(list(
        "clients.latest_versions", "What apps are told to update to.", "platform=version",
        check_platform_version, [](auto& c) -> auto& { return c.clients.latest_versions; }
    ));
    k.push_back(list(
        "clients.store_urls", "Where apps are updated.", "platform=https URL", check_platform_url,
        [](auto& c) -> auto& { return c.clients.store_urls; }
    ));
    k.push_back(list(
        "clients.jwt_from_sdk", "From this Telnyx SDK on an app never gets a SIP password.",
        "platform=version", check_platform_version, [](auto& c) -> auto& { return c.clients.jwt_from_sdk; }
    ));
    k.push_back(list(
        "clients.bundle_ids", "Apps that may register; none given: any.", "bundle ids", check_bundle_id,
        [](auto& c) -> auto& { return c.clients.bundle_ids; }
    ));
    k.push_back(boolean("clients.force_relay", "Apps send media through TURN only.", [](auto& c) -> auto& {
        return c.clients.force_relay;
    }));
    k.push_back(boolean(
        "clients.empty_push_tokens", "An empty push token counts as left out, for old clients.",
        [](auto& c) -> auto& { return c.clients.empty_push_tokens; }
    ));
    k.push_back(boolean(
        "clients.blanks_in_device_ids", "A device's own id may hold blanks, for old clients.",
        [](auto& c) -> auto& { return c.clients.blanks_in_device_ids; }
    ));
}

template <class Member>
key_spec limit(std::string name, std::string help, Member at) {
    return number("limits." + std::move(name), std::move(help), "", 1, 1'000'000, at);
}

void add_limits(std::vector<key_spec>& k) {
    k.push_back(limit("register_per_minute", "Registrations of one device.", [](auto& c) -> auto& {
        return c.limits.register_per_minute;
    }));
    k.push_back(limit(
        "credentials_per_minute", "Requests of one device for its identity or a login token.",
        [](auto& c) -> auto& { return c.limits.credentials_per_minute; }
    ));
    k.push_back(limit(
        "reveal_per_hour", "Requests of one device for its SIP password.",
        [](auto& c) -> auto& { return c.limits.reveal_per_hour; }
    ));
    k.push_back(limit(
        "poll_per_minute", "Questions of one device about one call; every 3 s must pass.",
        [](auto& c) -> auto& { return c.limits.poll_per_minute; }
    ));
    k.push_back(limit("read_per_minute", "Other reads of one token.", [](auto& c) -> auto& {
        return c.limits.read_per_minute;
    }));
    k.push_back(limit("admin_per_minute", "Administrative requests of one token.", [](auto& c) -> auto& {
        return c.limits.admin_per_minute;
    }));
    k.push_back(limit(
        "address_per_minute", "Requests of one address without a bearer; those with a cookie count apart.",
        [](auto& c) -> auto& { return c.limits.address_per_minute; }
    ));
    k.push_back(limit(
        "failed_auth_per_minute", "Failed sign-ins of one address; beyond it no cookie is asked about.",
        [](auto& c) -> auto& { return c.limits.failed_auth_per_minute; }
    ));
}

void add_server(std::vector<key_spec>& k) {
    k.push_back(text(
        "server.environment", "In bearer tokens and in names at Telnyx: a token of another one is refused.",
        "1 to 20 of a-z, 0-9, -", false, check_environment,
        [](auto& c) -> auto& { return c.server.environment; }
    ));
    k.push_back(text(
        "server.public_url", "Where clients reach this server; empty: taken from the request.", "https URL",
        true, check_http_url, [](auto& c) -> auto& { return c.server.public_url; }
    ));
    k.push_back(boolean(
        "server.sandbox", "A playground for client developers: never for real calls.",
        [](auto& c) -> auto& { return c.server.sandbox; }
    ));
    k.push_back(duration(
        "server.drain_delay_ms", "After SIGTERM /readyz says 503 for so long before the listener closes.", 0,
        5 * k_minute, [](auto& c) -> auto& { return c.server.drain_delay; }
    ));
    k.push_back(duration(
        "server.shutdown_limit_ms", "Longest graceful stop, after that.", 100, k_minute,
        [](auto& c) -> auto& { return c.shutdown_limit; }
    ));
}

} // namespace

void add_api_keys(std::vector<key_spec>& k) {
    add_credentials(k);
    add_auth(k);
    add_clients(k);
    add_limits(k);
    add_server(k);
}

} // namespace z360::app
