// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "adapter/telnyx/asked_pause.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace z360::adapter::telnyx {
namespace {

constexpr millis k_longest_pause{60'000};
// No server asks for a pause of thirty years: from here on the number is a time of day.
constexpr double k_epoch_seconds = 1e9;
constexpr double k_epoch_millis = 1e12;
constexpr double k_epoch_micros = 1e15;
constexpr double k_epoch_nanos = 1e18;
constexpr std::array<std::string_view, 12> k_months{"jan", "feb", "mar", "apr", "may", "jun",
                                                    "jul", "aug", "sep", "oct", "nov", "dec"};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return lower(x) == lower(y);
    });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = text.find_first_of(" ,-:");
        if (end != 0) out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

std::optional<int> whole(std::string_view digits) {
    int n = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (error != std::errc{} || end != digits.data() + digits.size() || n < 0) return std::nullopt;
    return n;
}

std::optional<unsigned> month_of(std::string_view word) {
    for (unsigned i = 0; i < k_months.size(); ++i)
        if (same_name(word, k_months[i])) return i + 1;
    return std::nullopt;
}

std::optional<millis> until(double ms_since_epoch, time_point from) {
    const double ms = ms_since_epoch - static_cast<double>(from.time_since_epoch().count());
    const double bounded = std::clamp(ms, 0.0, static_cast<double>(k_longest_pause.count()));
    return millis{static_cast<millis::rep>(std::ceil(bounded))};
}

// A Unix time in whatever unit makes it one of our days.
double epoch_ms(double number) {
    if (number >= k_epoch_nanos) return number / 1e6;
    if (number >= k_epoch_micros) return number / 1e3;
    return number >= k_epoch_millis ? number : number * 1e3;
}

bool is_universal(std::string_view zone) {
    return same_name(zone, "gmt") || same_name(zone, "utc") || same_name(zone, "ut") || zone == "+0000" ||
           zone == "0000"; // written -0000
}

// A number of `unit_ms`s, a Unix time or a date in either spelling; nonsense is nothing.
std::optional<millis> pause_in(std::string_view text, double unit_ms, time_point from) {
    auto date = parse_http_date(text);
    if (!date) date = parse_iso8601(text);
    if (date) return until(static_cast<double>(date->time_since_epoch().count()), from);
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (!std::isfinite(number) || number < 0) return std::nullopt;
    if (unit_ms == 1000.0 && number >= k_epoch_seconds) return until(epoch_ms(number), from);
    const double ms = std::min(number * unit_ms, static_cast<double>(k_longest_pause.count()));
    return millis{static_cast<millis::rep>(std::ceil(ms))};
}

} // namespace

std::optional<time_point> parse_http_date(std::string_view text) {
    auto w = words_of(trimmed(text));
    if (!w.empty() && whole(w.front()))
        w.insert(w.begin(), std::string_view{}); // mail's form without weekday
    // Weekday first in all others; asctime, which names no zone, puts the month next and the year last.
    const bool asctime = w.size() == 7;
    if (!asctime && (w.size() != 8 || !is_universal(w[7]))) return std::nullopt;
    const auto day = whole(w[asctime ? 2 : 1]);
    const auto month = month_of(w[asctime ? 1 : 2]);
    auto year = whole(asctime ? w[6] : w[3]);
    const std::size_t clock = asctime ? 3 : 4;
    const auto h = whole(w[clock]);
    const auto m = whole(w[clock + 1]);
    const auto s = whole(w[clock + 2]);
    if (!day || !month || !year || !h || !m || !s || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
    if (*year < 100) year = *year + 2000;
    const std::chrono::year_month_day date{
        std::chrono::year{*year}, std::chrono::month{*month}, std::chrono::day{static_cast<unsigned>(*day)}
    };
    if (!date.ok()) return std::nullopt;
    return time_point{std::chrono::sys_days{date}} + std::chrono::hours{*h} + std::chrono::minutes{*m} +
           std::chrono::seconds{*s};
}

std::optional<millis> asked_pause(const http::headers& headers, time_point now) {
    const auto from = parse_http_date(headers.get("date")).value_or(now);
    std::optional<millis> longest;
    for (const auto& [header, unit] :
         {std::pair{"x-ratelimit-reset", 1000.0}, std::pair{"retry-after", 1000.0},
          std::pair{"retry-after-ms", 1.0}}) {
        const auto pause = pause_in(trimmed(headers.get(header)), unit, from);
        if (pause && (!longest || *pause > *longest)) longest = pause;
    }
    return longest;
}

} // namespace z360::adapter::telnyx
