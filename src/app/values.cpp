// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/values.hpp"

#include "adapter/redis/url.hpp"

#include <z360/base/trim.hpp>

#include <arpa/inet.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <variant>
#include <vector>

namespace z360::app {
namespace {

struct unit {
    std::string_view name;
    std::int64_t ms;
};
// largest first, for readable_millis; "ms" before "m" and "s" for the suffix search
constexpr std::array k_units{
    unit{"ms", 1}, unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000}
};

bool integer(std::string_view text, std::int64_t& out) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && ec == std::errc{} && end == text.data() + text.size();
}

bool host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool host_name(std::string_view text) {
    return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), host_char) &&
           text.front() != '.' && text.front() != '-' && text.back() != '-' &&
           text.find("..") == std::string_view::npos;
}

bool authority(std::string_view text) {
    std::string_view port;
    bool with_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return false;
        if (!check_ip_address(text.substr(1, close - 1)).empty()) return false;
        const auto rest = text.substr(close + 1);
        with_port = rest.starts_with(':');
        if (!with_port && !rest.empty()) return false;
        if (with_port) port = rest.substr(1);
    } else {
        const auto colon = text.find(':');
        with_port = colon != std::string_view::npos;
        if (with_port) port = text.substr(colon + 1);
        if (!host_name(text.substr(0, colon))) return false;
    }
    std::int64_t n = 1;
    return !with_port || (integer(port, n) && n >= 1 && n <= 65535);
}

// What follows "ios=", "android=" or "web=".
std::optional<std::string_view> after_platform(std::string_view text) {
    for (const std::string_view p : {"ios=", "android=", "web="})
        if (text.starts_with(p)) return text.substr(p.size());
    return std::nullopt;
}

} // namespace

std::string read_number(
    std::string_view text, std::int64_t lowest, std::int64_t highest, std::string_view unit_name,
    std::int64_t& out
) {
    std::int64_t n = 0;
    const std::string range = std::to_string(lowest) + " to " + std::to_string(highest) +
                              (unit_name.empty() ? "" : " " + std::string(unit_name));
    if (!integer(text, n)) return "not a whole number; give one from " + range;
    if (n < lowest || n > highest) return "out of range; give a number from " + range;
    out = n;
    return {};
}

std::string read_millis(std::string_view text, std::int64_t lowest, std::int64_t highest, std::int64_t& out) {
    const std::string range = readable_millis(lowest) + " to " + readable_millis(highest);
    std::int64_t scale = 1;
    for (const auto& u : k_units) {
        if (text.ends_with(u.name)) {
            text.remove_suffix(u.name.size());
            while (text.ends_with(' '))
                text.remove_suffix(1);
            scale = u.ms;
            break;
        }
    }
    std::int64_t n = 0;
    if (!integer(text, n)) return "not a duration; give milliseconds, or e.g. 500ms or 2s, from " + range;
    if (n < 0 || n > highest / scale || n * scale < lowest) return "out of range; give " + range;
    out = n * scale;
    return {};
}

std::string read_since(std::string_view text, time_point now, time_point& out) {
    constexpr std::string_view k_how = "give e.g. 30m, 2h, 3d or 2026-01-31T12:00:00Z";
    constexpr std::int64_t k_longest = 3'650LL * 86'400'000;
    if (const auto at = parse_iso8601(text)) {
        if (*at > now) return "lies ahead; " + std::string(k_how);
        out = *at;
        return {};
    }
    // A bare number would be milliseconds elsewhere; here nobody means those.
    const bool with_unit = !text.empty() && (text.back() < '0' || text.back() > '9');
    std::int64_t ms = 0;
    if (!with_unit || text.ends_with("ms") || !read_millis(text, 1'000, k_longest, ms).empty())
        return "no time; " + std::string(k_how);
    out = now - millis{ms};
    return {};
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t from = 0; from <= text.size();) {
        const auto comma = std::min(text.find(',', from), text.size());
        const auto one = trimmed(text.substr(from, comma - from));
        if (!one.empty()) out.emplace_back(one);
        from = comma + 1;
    }
    return out;
}

std::string read_bool(std::string_view text, bool& out) {
    if (text == "true" || text == "1") {
        out = true;
        return {};
    }
    if (text == "false" || text == "0") {
        out = false;
        return {};
    }
    return "neither true nor false; give one of the two";
}

std::string check_ip_address(std::string_view text) {
    std::array<unsigned char, sizeof(in6_addr)> buffer{};
    const std::string z(text);
    if (inet_pton(AF_INET, z.c_str(), buffer.data()) == 1 ||
        inet_pton(AF_INET6, z.c_str(), buffer.data()) == 1)
        return {};
    return "not a numeric IP address; give e.g. 0.0.0.0 (all), 127.0.0.1 (this machine only) or ::";
}

std::string check_host_name(std::string_view text) {
    return host_name(text) ? "" : "not a host name; give the bare name, e.g. sip.telnyx.com";
}

std::string check_http_url(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with("https://"))
        rest.remove_prefix(8);
    else if (rest.starts_with("http://"))
        rest.remove_prefix(7);
    else
        return "not an http or https URL; start it with https://";
    if (rest.find_first_of("?#@ \"\\") != std::string_view::npos || !is_printable(rest))
        return "a URL with user, query, fragment or blanks; give only scheme, host, port and path";
    if (!authority(rest.substr(0, rest.find('/'))))
        return "a URL without a valid host or port; write e.g. https://api.telnyx.com/v2";
    return {};
}

std::string check_ws_url(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with("wss://"))
        rest.remove_prefix(6);
    else if (rest.starts_with("ws://"))
        rest.remove_prefix(5);
    else
        return "not a wss URL; start it with wss://";
    return check_http_url("https://" + std::string(rest)).empty()
               ? ""
               : "a URL without a valid host, or with user, query or fragment; write e.g. "
                 "wss://voip.example.com/app";
}

std::string check_origin(std::string_view text) {
    const auto problem = check_http_url(text);
    if (!problem.empty()) return problem;
    return text.find('/', text.find("://") + 3) == std::string_view::npos
               ? ""
               : "more than an origin; give only scheme, host and port, e.g. https://app.example.com";
}

std::string check_cookie_name(std::string_view text) {
    const bool good =
        !text.empty() && text.size() <= 64 &&
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
        ) == std::string_view::npos;
    return good ? "" : "no name of a cookie; give it as the browser shows it, e.g. z360_session";
}

std::string check_network(std::string_view text) {
    constexpr const char* k_fix = "neither an address nor a network; write e.g. 10.0.0.7 or 10.0.0.0/8";
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    if (!check_ip_address(address).empty()) return k_fix;
    if (slash == std::string_view::npos) return {};
    std::int64_t bits = 0;
    const std::int64_t widest = address.find(':') == std::string_view::npos ? 32 : 128;
    return integer(text.substr(slash + 1), bits) && bits >= 0 && bits <= widest ? "" : k_fix;
}

std::string check_environment(std::string_view text) {
    const bool good =
        !text.empty() && text.size() <= 20 &&
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
    return good ? "" : "no name of an environment; give 1 to 20 of a-z, 0-9 and -, e.g. staging";
}

std::string check_bundle_id(std::string_view text) {
    return host_name(text) ? "" : "no bundle id; write it like com.example.app";
}

std::string check_platform_version(std::string_view text) {
    constexpr const char* k_fix = "not a platform with a version; write e.g. ios=1.2.0 (ios, android or web)";
    auto rest = after_platform(text);
    if (!rest) return k_fix;
    for (int part = 1;; ++part) {
        const auto dot = rest->find('.');
        std::int64_t n = 0;
        if (!integer(rest->substr(0, dot), n) || n < 0 || n > 999'999'999 || part > 4) return k_fix;
        if (dot == std::string_view::npos) return {};
        rest->remove_prefix(dot + 1);
    }
}

std::string check_platform_url(std::string_view text) {
    constexpr const char* k_fix =
        "not a platform with a URL; write e.g. ios=https://apps.apple.com/app/id1 (ios, android or web)";
    const auto url = after_platform(text);
    if (!url || url->find_first_of(" \t\r\n\"\\") != std::string_view::npos) return k_fix;
    return check_http_url(url->substr(0, url->find('?'))).empty() ? "" : k_fix;
}

bool is_printable(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    });
}

std::string check_text(std::string_view text, std::size_t longest, line_ends ends) {
    switch (fault_of_name(text, longest, ends)) {
    case name_fault::none: break;
    case name_fault::blank: return "nothing but blanks; write something else";
    case name_fault::unprintable:
        return "has control characters, marks that turn the direction of writing, or bytes that are no "
               "UTF-8; leave them out";
    case name_fault::too_long:
        return "has " + std::to_string(characters(text)) + " characters; give at most " +
               std::to_string(longest);
    }
    return {};
}

std::string shown(std::string_view text) {
    constexpr std::size_t k_most = 80;
    if (text.size() <= k_most) return "\"" + printable(text) + "\"";
    auto end = k_most;
    while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U && end > 0)
        --end; // between characters
    return "\"" + printable(text.substr(0, end)) + "…\"";
}

std::string check_path(std::string_view text) {
    if (text.size() > 4000 || !is_printable(text)) return "no path; give one without control characters";
    return {};
}

bool is_unprotected(std::string_view url) {
    for (const std::string_view scheme : {"http://", "ws://"}) {
        if (!url.starts_with(scheme)) continue;
        const auto rest = url.substr(scheme.size());
        if (rest.starts_with("[::1]")) return false;
        const auto host = rest.substr(0, rest.find_first_of(":/?"));
        return host != "localhost" && !(host.starts_with("127.") && check_ip_address(host).empty());
    }
    return false;
}

std::string check_database_url(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with("postgresql://"))
        rest.remove_prefix(13);
    else if (rest.starts_with("postgres://"))
        rest.remove_prefix(11);
    else
        return "not a Postgres URL; write postgresql://user[:password]@host[:port]/database";
    const auto path = rest.find('/');
    const auto query = rest.find('?');
    const bool in_query =
        query != std::string_view::npos && rest.substr(query).find("dbname=") != std::string_view::npos;
    const bool in_path =
        path != std::string_view::npos && path < query && path + 1 < std::min(query, rest.size());
    if (!in_query && !in_path) return "no database name; end the URL with /z360 (or your database's name)";
    return {};
}

std::string check_redis_url(std::string_view text) {
    const auto parsed = adapter::redis::parse_url(text);
    const auto* problem = std::get_if<std::string>(&parsed);
    return problem != nullptr ? *problem : std::string{};
}

std::string check_public_key(std::string_view text) {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES + 1> raw{};
    std::size_t size = 0;
    const int rc = sodium_base642bin(
        raw.data(), raw.size(), text.data(), text.size(), nullptr, &size, nullptr,
        sodium_base64_VARIANT_ORIGINAL
    );
    if (rc != 0 || size != crypto_sign_PUBLICKEYBYTES)
        return "not base64 of 32 bytes; copy the key from the Telnyx portal (Account > Keys & Credentials > "
               "Public Key)";
    if (crypto_core_ed25519_is_valid_point(raw.data()) != 1)
        return "32 bytes, but not an Ed25519 public key; copy the key from the Telnyx portal again";
    return {};
}

bool url_has_password(std::string_view text) {
    const auto scheme = text.find("://");
    const auto rest = scheme == std::string_view::npos ? text : text.substr(scheme + 3);
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        const auto login = rest.substr(0, at);
        const auto colon = login.find(':');
        if (colon != std::string_view::npos && colon + 1 < login.size()) return true;
    }
    return rest.find("password=") != std::string_view::npos;
}

std::string readable_millis(std::int64_t ms) {
    for (std::size_t i = 1; i < k_units.size(); ++i)
        if (ms >= k_units[i].ms && ms % k_units[i].ms == 0)
            return std::to_string(ms / k_units[i].ms) + " " + std::string(k_units[i].name);
    return std::to_string(ms) + " ms";
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({row[j - 1] + 1, above + 1, replaced});
            diagonal = above;
        }
    }
    return row[b.size()];
}

} // namespace z360::app
