// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "wire/opening_hours.hpp"

#include <z360/base/name.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace z360::wire {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> k_days{"monday", "tuesday",  "wednesday", "thursday",
                                                 "friday", "saturday", "sunday"};
constexpr std::size_t k_most_spans = 12;    // of a day
constexpr std::size_t k_most_special = 400; // more than a year of them
constexpr int k_day = 24 * 60;

std::optional<int> minute_of(const json& from) {
    if (!from.is_string()) return std::nullopt;
    const auto& text = from.get_ref<const std::string&>();
    if (text == "24:00") return k_day;
    const auto at = call::read_wall_time("2000-01-01 " + text);
    return at ? std::optional(at->minute) : std::nullopt;
}

std::string clock(int minute) {
    std::array<char, 8> out{};
    (void)std::snprintf(out.data(), out.size(), "%02d:%02d", minute / 60 % 100, minute % 60);
    return out.data();
}

std::string text_of(std::chrono::year_month_day d) {
    std::array<char, 16> out{};
    (void)std::snprintf(
        out.data(), out.size(), "%04d-%02u-%02u", static_cast<int>(d.year()),
        static_cast<unsigned>(d.month()), static_cast<unsigned>(d.day())
    );
    return out.data();
}

std::vector<call::open_span>
read_spans(const json& from, const std::string& field, std::vector<hours_fault>& faults) {
    std::vector<call::open_span> out;
    if (!from.is_array() || from.size() > k_most_spans) {
        faults.push_back(
            {field, "must be a list of at most 12 times like {\"from\": \"09:00\", \"to\": \"17:30\"}"}
        );
        return out;
    }
    for (const auto& s : from) {
        const bool named = s.is_object() && s.contains("from") && s.contains("to");
        const auto begin = named ? minute_of(s["from"]) : std::nullopt;
        const auto end = named ? minute_of(s["to"]) : std::nullopt;
        if (!begin || !end) {
            faults.push_back({field, "must have \"from\" and \"to\" of the form HH:MM, 00:00 to 24:00"});
            return {};
        }
        if (*begin >= *end) {
            faults.push_back(
                {field, "must end after they begin; hours beyond midnight are two, one of each day"}
            );
            return {};
        }
        out.push_back({*begin, *end});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
    const auto overlap = std::adjacent_find(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return b.from < a.to;
    });
    if (overlap != out.end()) {
        faults.push_back({field, "must not overlap"});
        return {};
    }
    return out;
}

void read_week(const json& from, call::opening_hours& out, std::vector<hours_fault>& faults) {
    if (!from.is_object()) {
        faults.push_back({"week", "must be an object with the days that are open, \"monday\" to \"sunday\""});
        return;
    }
    for (const auto& [name, spans] : from.items()) {
        const auto day = std::find(k_days.begin(), k_days.end(), name);
        if (day == k_days.end()) {
            faults.push_back({"week", "must name days from \"monday\" to \"sunday\" only"});
            return;
        }
        out.week.at(static_cast<std::size_t>(day - k_days.begin())) =
            read_spans(spans, "week." + std::string(*day), faults);
    }
}

std::optional<call::special_day>
read_special(const json& from, const std::string& field, std::vector<hours_fault>& faults) {
    call::special_day out;
    const auto text = [&](const char* name) {
        return from.is_object() && from.contains(name) && from[name].is_string()
                   ? from[name].get<std::string>()
                   : std::string();
    };
    const auto date = call::read_wall_time(text("date") + " 00:00");
    if (!date) {
        faults.push_back({field + ".date", "must be a date like 2026-12-25"});
        return std::nullopt;
    }
    out.date = date->date;
    out.name = text("name");
    const bool no_text = from.contains("name") && !from["name"].is_null() && !from["name"].is_string();
    if (no_text || fault_of_name(out.name, k_longest_label) != name_fault::none) {
        faults.push_back({field + ".name", "must be a text of at most 100 characters on one line"});
        return std::nullopt;
    }
    const auto before = faults.size();
    if (from.contains("open")) out.spans = read_spans(from["open"], field + ".open", faults);
    return faults.size() == before ? std::optional(std::move(out)) : std::nullopt;
}

void read_special_days(const json& from, call::opening_hours& out, std::vector<hours_fault>& faults) {
    if (!from.is_array() || from.size() > k_most_special) {
        faults.push_back({"special_days", "must be a list of at most 400 days"});
        return;
    }
    for (std::size_t n = 0; n < from.size(); ++n) {
        auto day = read_special(from[n], "special_days." + std::to_string(n), faults);
        if (!day) continue;
        const bool twice = std::any_of(out.special.begin(), out.special.end(), [&](const auto& d) {
            return d.date == day->date;
        });
        if (twice)
            faults.push_back({"special_days." + std::to_string(n) + ".date", "must not stand there twice"});
        else
            out.special.push_back(std::move(*day));
    }
    std::sort(out.special.begin(), out.special.end(), [](const auto& a, const auto& b) {
        return a.date < b.date;
    });
}

json to_json(const std::vector<call::open_span>& spans) {
    auto out = json::array();
    for (const auto& s : spans)
        out.push_back({{"from", clock(s.from)}, {"to", clock(s.to)}});
    return out;
}

} // namespace

call::opening_hours read_opening_hours(const json& from, std::vector<hours_fault>& faults) {
    call::opening_hours out;
    if (!from.is_object() || !from.contains("week"))
        faults.push_back({"week", "is required"});
    else
        read_week(from["week"], out, faults);
    if (from.is_object() && from.contains("special_days") && !from["special_days"].is_null())
        read_special_days(from["special_days"], out, faults);
    return out;
}

json to_json(const call::opening_hours& hours) {
    auto week = json::object();
    for (std::size_t n = 0; n < k_days.size(); ++n)
        week[std::string(k_days.at(n))] = to_json(hours.week.at(n));
    auto special = json::array();
    for (const auto& d : hours.special)
        special.push_back({{"date", text_of(d.date)}, {"name", d.name}, {"open", to_json(d.spans)}});
    return {{"week", std::move(week)}, {"special_days", std::move(special)}};
}

} // namespace z360::wire
