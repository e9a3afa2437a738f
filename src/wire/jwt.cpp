// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/jwt.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

namespace z360::wire {
namespace {

constexpr std::size_t k_max_token = 16 * 1024;
// Up to the year 9999, so that no later arithmetic overflows.
constexpr std::int64_t k_latest = 253'402'300'799;

int digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '-') return 62;
    return c == '_' ? 63 : -1;
}

bool is_base64url(std::string_view text) {
    return !text.empty() && text.size() % 4 != 1 &&
           std::all_of(text.begin(), text.end(), [](char c) { return digit(c) >= 0; });
}

std::string decode(std::string_view text) {
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t held = 0;
    unsigned bits = 0;
    for (const char c : text) {
        held = (held << 6) | static_cast<std::uint32_t>(digit(c));
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>((held >> bits) & 0xFFU));
    }
    return out;
}

std::optional<std::array<std::string_view, 3>> parts_of(std::string_view token) {
    const auto first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const std::array parts{
        token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)
    };
    if (!std::all_of(parts.begin(), parts.end(), is_base64url)) return std::nullopt;
    return parts;
}

std::string_view bare(std::string_view text) {
    const auto skip = [](char c) { return c == '"' || c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && skip(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && skip(text.back()))
        text.remove_suffix(1);
    return text;
}

} // namespace

std::string_view jwt_in(std::string_view body) {
    const auto token = bare(body);
    return token.size() <= k_max_token && parts_of(token) ? token : std::string_view{};
}

std::optional<time_point> jwt_expiry(std::string_view token) {
    const auto text = jwt_in(token);
    if (text.empty()) return std::nullopt;
    const auto claims = nlohmann::json::parse(decode((*parts_of(text))[1]), nullptr, false);
    if (!claims.is_object()) return std::nullopt;
    const auto exp = claims.find("exp");
    if (exp == claims.end() || !exp->is_number()) return std::nullopt;
    const double seconds = exp->get<double>();
    if (!std::isfinite(seconds) || seconds <= 0 || seconds > static_cast<double>(k_latest))
        return std::nullopt;
    return time_point{std::chrono::seconds{static_cast<std::int64_t>(seconds)}};
}

} // namespace z360::wire
