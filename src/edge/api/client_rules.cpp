// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/client_rules.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::string_view k_digits = "0123456789";
// FCM documents no form; its tokens have had 140 to some 250 characters since there are any.
constexpr std::size_t k_shortest_real_token = 100;

unsigned long take_part(std::string_view& v) {
    const auto end = std::min(v.find_first_not_of(k_digits), v.size());
    unsigned long n = 0;
    for (const char c : v.substr(0, std::min<std::size_t>(end, 9)))
        n = n * 10 + static_cast<unsigned long>(c - '0');
    v.remove_prefix(end);
    if (!v.empty() && v.front() == '.')
        v.remove_prefix(1);
    else
        v = {};
    return n;
}

std::map<std::string, std::string, std::less<>>
read(const std::vector<std::string>& entries, const char* setting) {
    std::map<std::string, std::string, std::less<>> out;
    for (const auto& e : entries) {
        const auto eq = e.find('=');
        const auto platform = e.substr(0, std::min(eq, e.size()));
        if (eq == std::string::npos || eq + 1 == e.size() ||
            (platform != "ios" && platform != "android" && platform != "web"))
            throw std::runtime_error(
                std::string(setting) + ": \"" + e + "\" is not ios=…, android=… or web=…"
            );
        out[platform] = e.substr(eq + 1);
    }
    return out;
}

bool all_of(std::string_view s, std::string_view alphabet) {
    return s.find_first_not_of(alphabet) == std::string_view::npos;
}

bool is_junk(std::string_view s) {
    constexpr std::array<std::string_view, 10> k_junk{
        "", "web", "undefined", "null", "none", "nil", "false", "true", "unknown", "[object Object]"
    };
    return std::find(k_junk.begin(), k_junk.end(), s) != k_junk.end();
}

bool is_hex_token(std::string_view s) {
    return s.size() >= 64 && s.size() <= 200 && s.size() % 2 == 0 && all_of(s, "0123456789abcdefABCDEF");
}

// Words in one case each, with signs between them, and nothing else: no push service makes such a text.
bool is_words(std::string_view s) {
    const auto one_case = [](std::string_view word) {
        return !word.empty() &&
               (all_of(word, "abcdefghijklmnopqrstuvwxyz") || all_of(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    };
    std::size_t words = 0;
    for (;;) {
        const auto end = std::min(s.find_first_of("_.:/-"), s.size());
        if (!one_case(s.substr(0, end))) return false;
        ++words;
        if (end == s.size()) return words > 1;
        s.remove_prefix(end + 1);
    }
}

// What SDKs return in place of a token: FirebaseInstanceId's errors and their kin. A token is opaque: one
// that is as long as tokens are is never looked into, whatever letters it has.
bool is_error_word(std::string_view s) {
    if (s.size() >= k_shortest_real_token) return false;
    constexpr std::array<std::string_view, 18> k_words{
        "SERVICE_NOT_AVAILABLE",
        "AUTHENTICATION_FAILED",
        "ACCOUNT_MISSING",
        "TOO_MANY_REGISTRATIONS",
        "INVALID_SENDER",
        "PHONE_REGISTRATION_ERROR",
        "MISSING_INSTANCEID_SERVICE",
        "FIS_AUTH_ERROR",
        "INTERNAL_SERVER_ERROR",
        "INVALID_PARAMETERS",
        "QUOTA_EXCEEDED",
        "DEVICE_QUOTA_EXCEEDED",
        "IOEXCEPTION",
        "EXECUTIONEXCEPTION",
        "PERMISSION",
        "NOT_FOUND",
        "NOT_REGISTERED",
        "UNREGISTERED"
    };
    std::string upper(s);
    for (char& c : upper)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : (c == '-' || c == '.' ? '_' : c);
    const bool known = std::any_of(k_words.begin(), k_words.end(), [&upper](std::string_view w) {
        return upper.find(w) != std::string::npos;
    });
    return known || is_words(s);
}

bool is_fcm_token(std::string_view s) {
    return s.size() >= 20 && s.size() <= k_longest_push_token &&
           std::all_of(s.begin(), s.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// 17 bytes in base64url, of which the first begins with 0111: so Firebase's SDKs make and check them.
bool is_fid(std::string_view s) {
    constexpr std::size_t k_length = 22;
    return s.size() == k_length && s[0] >= 'c' && s[0] <= 'f' &&
           all_of(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
}

/// The apps' own HTTP stacks and their web views; everything else that sends cookies is a browser.
std::string_view platform_of(std::string_view user_agent) {
    const auto says = [user_agent](std::string_view word) {
        return user_agent.find(word) != std::string_view::npos;
    };
    if (says("okhttp") || says("Dalvik") || (is_native_webview(user_agent) && says("Android")))
        return "android";
    return says("CFNetwork") || is_native_webview(user_agent) ? "ios" : "web";
}

constexpr const char* k_an_error =
    "is an SDK's error, not a push token; ask the SDK for the token again later";

} // namespace

bool older(std::string_view version, std::string_view than) {
    for (int part = 0; part < 6; ++part) {
        const auto a = take_part(version);
        const auto b = take_part(than);
        if (a != b) return a < b;
    }
    return false;
}

client_rules::client_rules(const config& c)
    : min_(read(c.clients.min_versions, "clients.min_versions")),
      latest_(read(c.clients.latest_versions, "clients.latest_versions")),
      store_(read(c.clients.store_urls, "clients.store_urls")),
      jwt_from_(read(c.clients.jwt_from_sdk, "clients.jwt_from_sdk")),
      empty_tokens_(c.clients.empty_push_tokens), blanks_(c.clients.blanks_in_device_ids) {
    for (const auto& [platform, url] : store_)
        if (!url.starts_with("https://"))
            throw std::runtime_error("clients.store_urls: " + url + " must begin with https://");
    if (!c.clients.ws_url.empty() && !c.clients.ws_url.starts_with("wss://"))
        throw std::runtime_error("clients.ws_url: " + c.clients.ws_url + " must begin with wss://");
    if (!c.server.public_url.empty() && !c.server.public_url.starts_with("https://"))
        throw std::runtime_error("server.public_url: " + c.server.public_url + " must begin with https://");
}

std::string client_rules::at(const by_platform& m, std::string_view platform) {
    const auto it = m.find(platform);
    return it == m.end() ? std::string{} : it->second;
}

std::optional<std::string>
client_rules::refused_below(std::string_view platform, std::string_view version) const {
    const auto it = min_.find(platform);
    if (it == min_.end() || version.empty() || !older(version, it->second)) return std::nullopt;
    return it->second;
}

bool client_rules::jwt_only(std::string_view platform, std::string_view sdk_version) const {
    if (platform == "web") return true;
    const auto it = jwt_from_.find(platform);
    return it != jwt_from_.end() && !sdk_version.empty() && !older(sdk_version, it->second);
}

std::string client_rules::device_id(std::string_view given) const {
    if (!blanks_) return std::string(given);
    const auto first = given.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return std::string(given.substr(first, given.find_last_not_of(' ') - first + 1));
}

const char* client_rules::device_id_fault(std::string_view id) const {
    if (is_junk(id)) return "is not a device id";
    if (id.size() > 255) return "must have at most 255 characters";
    std::string_view alphabet = " 0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:~@=+-";
    if (!blanks_) alphabet.remove_prefix(1);
    if (!all_of(id, alphabet))
        return blanks_ ? "must consist of letters, digits, blanks and ._:~@=+-"
                       : "must consist of letters, digits and ._:~@=+-";
    return nullptr;
}

token_reading read_push_token(
    std::string_view platform, std::string_view field, std::string_view token, std::string_view device_id
) {
    if (is_junk(token)) return {std::nullopt, "is not a push token; leave it out if there is none"};
    if (platform != "web" && !is_hex_token(token) && is_error_word(token)) return {std::nullopt, k_an_error};
    if (platform == "web") {
        if (token == "web_" + std::string(device_id)) return {};
        return {std::nullopt, "a browser has no push token; leave it out"};
    }
    if (field == "fid") {
        if (platform == "ios") return {std::nullopt, "is for Android; send voip_token and push_token"};
        if (is_fid(token)) return {port::push_kind::fcm_fid, nullptr};
        return {
            std::nullopt,
            "must be a Firebase installation id: 22 letters, digits, - and _, the first one from c to f"
        };
    }
    if (platform == "ios") {
        const bool voip_field = field == "voip_token" || field == "apns_voip_token";
        if (is_hex_token(token)) {
            return {field == "push_token" ? port::push_kind::apns : port::push_kind::apns_voip, nullptr};
        }
        if (!voip_field && is_fcm_token(token)) return {port::push_kind::fcm, nullptr};
        return {std::nullopt, "must be an APNs token: 64 to 200 hexadecimal digits"};
    }
    if (is_fcm_token(token)) return {port::push_kind::fcm, nullptr};
    return {std::nullopt, "must be an FCM token: 20 to 4096 printable ASCII characters without blanks"};
}

std::vector<prompt> prompts_for(std::string_view platform, std::string_view capabilities_json) {
    static constexpr std::array<prompt, 4> k_prompts{
        prompt{
            "full_screen_intent", "Allow full screen notifications, so that calls ring on the lock screen"
        },
        prompt{"post_notifications", "Allow notifications, so that calls ring"},
        prompt{"battery_exempt", "Exempt the app from battery optimisation, so that calls arrive in time"},
        prompt{"mic", "Allow the microphone, so that callers hear you"},
    };
    std::vector<prompt> out;
    const auto said = nlohmann::json::parse(capabilities_json, nullptr, false);
    if (!said.is_object() || platform == "web") return out;
    for (const auto& p : k_prompts) {
        if (platform == "ios" && (p.capability == "full_screen_intent" || p.capability == "battery_exempt"))
            continue;
        const auto it = said.find(std::string(p.capability));
        if (it != said.end() && it->is_boolean() && !it->get<bool>()) out.push_back(p);
    }
    return out;
}

bool is_native_webview(std::string_view user_agent) {
    return user_agent.find("Z360Capacitor") != std::string_view::npos;
}

picked_device pick_device(
    const std::vector<port::device_view>& devices, std::string_view user_agent, std::string_view session
) {
    const auto platform = platform_of(user_agent);
    std::vector<const port::device_view*> of_session, of_platform, of_both;
    for (const auto& d : devices) {
        if (d.status != "active" || !d.wants_identity) continue;
        const bool in_session = !session.empty() && d.session_hash == session;
        if (in_session) of_session.push_back(&d);
        if (d.platform == platform) of_platform.push_back(&d);
        if (in_session && d.platform == platform) of_both.push_back(&d);
    }
    if (of_both.size() == 1) return {of_both.front(), false};
    if (!of_session.empty()) {
        if (of_session.size() == 1) return {of_session.front(), false};
        return {nullptr, true};
    }
    if (of_platform.empty()) return {};
    const auto* only = of_platform.front();
    // Another session registered it: this is a phone that has not registered yet. A browser gets a new
    // session with each sign-in, an app keeps its own.
    const bool taken = platform != "web" && !session.empty() && !only->session_hash.empty();
    if (of_platform.size() > 1 || taken) return {nullptr, true};
    return {only, false};
}

bool is_e164(std::string_view text) {
    return text.size() >= 8 && text.size() <= 16 && text[0] == '+' && text[1] != '0' &&
           all_of(text.substr(1), k_digits);
}

} // namespace z360::edge::api
