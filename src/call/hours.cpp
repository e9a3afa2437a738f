// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/call/hours.hpp>

#include <algorithm>
#include <charconv>

namespace z360::call {
namespace {

bool covers(const std::vector<open_span>& spans, int minute) {
    return std::any_of(spans.begin(), spans.end(), [minute](const open_span& s) {
        return s.from <= minute && minute < s.to;
    });
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t n) {
    const auto part = text.substr(at, n);
    if (part.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    int out = 0;
    std::from_chars(part.data(), part.data() + part.size(), out);
    return out;
}

} // namespace

std::optional<wall_time> read_wall_time(std::string_view text) {
    constexpr std::string_view k_shape = "....-..-.. ..:..";
    if (text.size() != k_shape.size()) return std::nullopt;
    for (std::size_t n = 0; n < text.size(); ++n)
        if (k_shape[n] != '.' && text[n] != k_shape[n]) return std::nullopt;
    const auto year = digits(text, 0, 4);
    const auto month = digits(text, 5, 2);
    const auto day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2);
    const auto minute = digits(text, 14, 2);
    if (!year || !month || !day || !hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
    wall_time out;
    out.date = std::chrono::year{*year} / *month / *day;
    if (!out.date.ok()) return std::nullopt;
    out.minute = *hour * 60 + *minute;
    return out;
}

route_cause cause_at(const opening_hours& hours, const wall_time& at) {
    const auto special = std::find_if(hours.special.begin(), hours.special.end(), [&at](const auto& d) {
        return d.date == at.date;
    });
    if (special != hours.special.end())
        return covers(special->spans, at.minute) ? route_cause::as_set : route_cause::holiday;
    const auto weekday = std::chrono::weekday(std::chrono::sys_days(at.date)).iso_encoding() - 1;
    return covers(hours.week.at(weekday), at.minute) ? route_cause::as_set : route_cause::closed;
}

} // namespace z360::call
