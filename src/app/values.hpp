// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Checks of single values. Each returns what is wrong and how to mend it ("not …; do …"), empty if nothing.
#pragma once

#include <z360/base/name.hpp>
#include <z360/base/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::app {

/// A whole number in [lowest, highest]; `unit` only for the message.
[[nodiscard]] std::string read_number(
    std::string_view text, std::int64_t lowest, std::int64_t highest, std::string_view unit, std::int64_t& out
);
/// Milliseconds: a bare integer, or with a unit: 500ms, 2s, 5m, 1h, 30d.
[[nodiscard]] std::string
read_millis(std::string_view text, std::int64_t lowest, std::int64_t highest, std::int64_t& out);
/// How far back: "30m", "2h", "3d", up to ten years, or an RFC 3339 time that has come.
[[nodiscard]] std::string read_since(std::string_view text, time_point now, time_point& out);
/// What stands between commas, without blanks around it; where there is nothing, that is left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);
[[nodiscard]] std::string read_bool(std::string_view text, bool& out);

[[nodiscard]] std::string check_ip_address(std::string_view text);
[[nodiscard]] std::string check_host_name(std::string_view text);
/// http://host… or https://host…, without user, query or fragment.
[[nodiscard]] std::string check_http_url(std::string_view text);
/// ws://host… or wss://host…, likewise.
[[nodiscard]] std::string check_cookie_name(std::string_view text);
[[nodiscard]] std::string check_ws_url(std::string_view text);
/// http(s)://host[:port] and nothing behind it.
[[nodiscard]] std::string check_origin(std::string_view text);
/// An address, or a network as address/bits.
[[nodiscard]] std::string check_network(std::string_view text);
/// 1 … 20 of a-z, 0-9 and '-'.
[[nodiscard]] std::string check_environment(std::string_view text);
/// com.example.app
[[nodiscard]] std::string check_bundle_id(std::string_view text);
/// ios=1.2.0, for ios, android or web.
[[nodiscard]] std::string check_platform_version(std::string_view text);
/// android=https://…, where the URL may have a query.
[[nodiscard]] std::string check_platform_url(std::string_view text);
[[nodiscard]] std::string check_path(std::string_view text);
[[nodiscard]] bool is_printable(std::string_view text);
/// A text for people, as --name has one, of at most `longest` characters; empty will do. `kept`: newlines
/// too.
[[nodiscard]] std::string
check_text(std::string_view text, std::size_t longest, line_ends ends = line_ends::escaped);
/// In quotes and on one line, for a complaint; of a long one the beginning.
[[nodiscard]] std::string shown(std::string_view text);
/// Plain http:// or ws:// to another machine: readable and changeable for everybody on the way (CFG-05).
[[nodiscard]] bool is_unprotected(std::string_view url);
[[nodiscard]] std::string check_database_url(std::string_view text);
[[nodiscard]] std::string check_redis_url(std::string_view text);
/// Standard base64 of a usable Ed25519 public key.
[[nodiscard]] std::string check_public_key(std::string_view text);

/// Whether the URL carries a password, in its user part or as a `password` parameter.
[[nodiscard]] bool url_has_password(std::string_view text);
/// `1500` as "1500 ms", `2000` as "2 s", a day as "1 d".
[[nodiscard]] std::string readable_millis(std::int64_t ms);
/// The candidate with the smallest edit distance, if it is near enough to be a typing error.
template <class Names>
[[nodiscard]] std::optional<std::string> nearest(std::string_view name, const Names& candidates);
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Names>
std::optional<std::string> nearest(std::string_view name, const Names& candidates) {
    std::optional<std::string> best;
    std::size_t best_distance = name.size() / 2 + 1;
    for (const auto& c : candidates) {
        const auto d = edit_distance(name, c);
        if (d < best_distance) {
            best_distance = d;
            best = std::string(c);
        }
    }
    return best;
}

} // namespace z360::app
