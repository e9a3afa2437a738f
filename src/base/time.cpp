// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include <z360/base/time.hpp>

#include <charconv>
#include <cstdio>

namespace z360 {
namespace {

// Reads exactly `width` digits at the front of `t`; -1 if they are not there.
int digits(std::string_view& t, std::size_t width) {
    if (t.size() < width) return -1;
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
        if (t[i] < '0' || t[i] > '9') return -1;
        value = value * 10 + (t[i] - '0');
    }
    t.remove_prefix(width);
    return value;
}

bool skip(std::string_view& t, std::string_view any_of) {
    if (t.empty() || any_of.find(t.front()) == std::string_view::npos) return false;
    t.remove_prefix(1);
    return true;
}

} // namespace

std::string iso8601(time_point t) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day ymd{day};
    const hh_mm_ss<millis> tod{t - day};
    char buffer[40];
    const int n = std::snprintf(
        buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(ymd.year()),
        static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
        static_cast<int>(tod.hours().count()), static_cast<int>(tod.minutes().count()),
        static_cast<int>(tod.seconds().count()), static_cast<int>(tod.subseconds().count())
    );
    return {buffer, static_cast<std::size_t>(n > 0 ? n : 0)};
}

std::optional<time_point> parse_iso8601(std::string_view t) {
    using namespace std::chrono;
    const int y = digits(t, 4);
    if (y < 0 || !skip(t, "-")) return std::nullopt;
    const int mo = digits(t, 2);
    if (mo < 0 || !skip(t, "-")) return std::nullopt;
    const int d = digits(t, 2);
    if (d < 0 || !skip(t, "Tt ")) return std::nullopt;
    const int h = digits(t, 2);
    if (h < 0 || h > 24 || !skip(t, ":")) return std::nullopt;
    const int mi = digits(t, 2);
    if (mi < 0 || mi > 59 || !skip(t, ":")) return std::nullopt;
    const int s = digits(t, 2);
    if (s < 0 || s > 60) return std::nullopt;
    int ms = 0;
    if (skip(t, ".,")) {
        int scale = 100;
        bool any = false;
        while (!t.empty() && t.front() >= '0' && t.front() <= '9') {
            ms += (t.front() - '0') * scale;
            scale /= 10;
            t.remove_prefix(1);
            any = true;
        }
        if (!any) return std::nullopt;
    }
    minutes offset{0};
    if (!skip(t, "Zz")) {
        if (t.empty()) return std::nullopt;
        const int sign = t.front() == '-' ? -1 : 1;
        if (!skip(t, "+-")) return std::nullopt;
        const int oh = digits(t, 2);
        if (oh < 0 || !skip(t, ":")) return std::nullopt;
        const int om = digits(t, 2);
        if (om < 0) return std::nullopt;
        offset = minutes{sign * (oh * 60 + om)};
    }
    if (!t.empty()) return std::nullopt;
    const year_month_day ymd{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    if (!ymd.ok()) return std::nullopt;
    return time_point{sys_days{ymd}} + hours{h} + minutes{mi} + seconds{s} + millis{ms} - offset;
}

} // namespace z360
