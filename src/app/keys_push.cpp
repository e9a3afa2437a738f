// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Keys of pushes.
#include "app/key_builders.hpp"

namespace z360::app {
namespace {

// Apple's ids of keys and teams.
std::string check_apple_id(std::string_view v) {
    constexpr std::string_view k_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (v.size() == 10 && v.find_first_not_of(k_letters) == std::string_view::npos) return {};
    return "not ten capital letters and digits; copy it from Apple's developer portal";
}

std::string check_proxy(std::string_view v) {
    for (const char c : v)
        if (c <= 0x20 || c == 0x7F) return "blanks or control characters in it; give http://host:port";
    const auto scheme = v.find("://");
    const bool other = scheme != std::string_view::npos && v.substr(0, scheme) != "http";
    return v.size() <= 512 && !other ? ""
                                     : "no HTTP proxy; give http://host:port, with user:password@ if it asks";
}

void add_apns(std::vector<key_spec>& k) {
    k.push_back(text(
        "push.apns_key_file", "APNs key (.p8), mode 600; read again when it changes. Empty: no APNs.", "path",
        true, check_path, [](auto& c) -> auto& { return c.push.apns_key_file; }
    ));
    k.push_back(text(
        "push.apns_key_id", "Its id.", "10 capital letters and digits", true, check_apple_id,
        [](auto& c) -> auto& { return c.push.apns_key_id; }
    ));
    k.push_back(text(
        "push.apns_team_id", "Id of its team at Apple.", "10 capital letters and digits", true,
        check_apple_id, [](auto& c) -> auto& { return c.push.apns_team_id; }
    ));
    k.push_back(list(
        "push.apns_bundle_ids", "iOS apps that are pushed to.", "bundle ids", check_bundle_id,
        [](auto& c) -> auto& { return c.push.apns_bundle_ids; }
    ));
    k.push_back(text(
        "push.apns_default_bundle_id", "App of devices that named none; empty: they are not pushed to.",
        "bundle id", true, check_bundle_id, [](auto& c) -> auto& { return c.push.apns_default_bundle_id; }
    ));
    k.push_back(text(
        "push.apns_host", "APNs; empty: Apple's. For tests.", "host name", true, check_host_name,
        [](auto& c) -> auto& { return c.push.apns_host; }
    ));
    k.push_back(number("push.apns_port", "Its port; Apple has 2197 too.", "", 1, 65535, [](auto& c) -> auto& {
        return c.push.apns_port;
    }));
    k.push_back(text(
        "push.apns_sandbox_host", "APNs for apps under development; empty: Apple's.", "host name", true,
        check_host_name, [](auto& c) -> auto& { return c.push.apns_sandbox_host; }
    ));
    k.push_back(number("push.apns_sandbox_port", "Its port.", "", 1, 65535, [](auto& c) -> auto& {
        return c.push.apns_sandbox_port;
    }));
}

void add_fcm(std::vector<key_spec>& k) {
    k.push_back(text(
        "push.fcm_service_account_file",
        "Service account of the Firebase project (JSON), mode 600; read again when it changes. Empty: no "
        "FCM.",
        "path", true, check_path, [](auto& c) -> auto& { return c.push.fcm_service_account_file; }
    ));
    k.push_back(list(
        "push.fcm_packages", "Android apps whose pushes no other app of the project may take.",
        "package names", check_bundle_id, [](auto& c) -> auto& { return c.push.fcm_packages; }
    ));
    k.push_back(text(
        "push.fcm_host", "FCM; empty: Google's. For tests.", "host name", true, check_host_name,
        [](auto& c) -> auto& { return c.push.fcm_host; }
    ));
    k.push_back(number("push.fcm_port", "Its port.", "", 1, 65535, [](auto& c) -> auto& {
        return c.push.fcm_port;
    }));
    k.push_back(boolean(
        "push.any_token_host", "The account's token_uri may lead anywhere; with server.sandbox alone.",
        [](auto& c) -> auto& { return c.push.any_token_host; }
    ));
}

} // namespace

void add_push_keys(std::vector<key_spec>& k) {
    add_apns(k);
    add_fcm(k);
    k.push_back(text(
        "push.ca_file", "PEM file of authorities to trust instead of the system's. For tests.", "path", true,
        check_path, [](auto& c) -> auto& { return c.push.ca_file; }
    ));
    k.push_back(secret_key(
        "push.proxy", "HTTP proxy on the way to APNs and FCM; empty: https_proxy of the environment.",
        "http://[user:password@]host:port", key_kind::secret_url, check_proxy,
        [](auto& c) -> auto& { return c.push.proxy; }
    ));
    k.push_back(number(
        "push.retry_percent", "Retries, of the first attempts of ten seconds; ten are always allowed.",
        "percent", 0, 100, [](auto& c) -> auto& { return c.push.retry_percent; }
    ));
}

} // namespace z360::app
