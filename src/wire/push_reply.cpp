// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What answers of both providers have in common.
#include "wire/push_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace z360::wire {
namespace {

constexpr std::int64_t k_longest_seconds = 86'400;

std::optional<int> number(std::string_view digits) {
    int out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    if (error != std::errc{} || end != digits.data() + digits.size() || digits.front() == '-')
        return std::nullopt;
    return out;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that is still written.
std::optional<time_point> http_date(std::string_view t) {
    constexpr std::array<std::string_view, 12> k_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (t.size() != 29 || t.substr(3, 2) != ", " || t.substr(25) != " GMT" || t[19] != ':' || t[22] != ':')
        return std::nullopt;
    const auto month = std::find(k_months.begin(), k_months.end(), t.substr(8, 3));
    const auto day = number(t.substr(5, 2));
    const auto year = number(t.substr(12, 4));
    const auto hour = number(t.substr(17, 2));
    const auto minute = number(t.substr(20, 2));
    const auto second = number(t.substr(23, 2));
    if (month == k_months.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
    const std::chrono::year_month_day date{
        std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(month - k_months.begin()) + 1},
        std::chrono::day{static_cast<unsigned>(*day)}
    };
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    return time_point{std::chrono::sys_days{date}} + std::chrono::hours{*hour} +
           std::chrono::minutes{*minute} + std::chrono::seconds{*second};
}

} // namespace

std::optional<millis> read_retry_after(std::string_view value, time_point now) {
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
        value.remove_suffix(1);
    if (value.empty()) return std::nullopt;
    if (const auto seconds = number(value)) {
        if (*seconds > k_longest_seconds) return std::nullopt;
        return millis{static_cast<std::int64_t>(*seconds) * 1000};
    }
    const auto at = http_date(value);
    if (!at || *at - now > millis{k_longest_seconds * 1000}) return std::nullopt;
    return std::max(*at - now, millis{});
}

} // namespace z360::wire
