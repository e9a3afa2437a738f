// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/record_json.hpp"

#include "edge/api/views.hpp"

#include <array>
#include <utility>
#include <vector>

namespace z360::edge::api {
namespace {

// Decimals stay texts: a double would not be what was told.
json costs_json(const port::call_record& r) {
    json out = json::array();
    for (const auto& c : r.costs)
        out.push_back({{"currency", text_or_null(c.currency)}, {"total", c.total}});
    return out;
}

/// From the call's begin; null: it did not come to that.
json since_begin(const port::call_record& r, const std::optional<time_point>& t) {
    return t ? json((*t - r.began).count()) : json(nullptr);
}

// Times of legs, joins and pushes come as milliseconds from where they are read.
json with_times(const std::string& rows) {
    auto all = json::parse(rows);
    for (auto& row : all)
        for (auto& [name, value] : row.items())
            if (name.ends_with("_at") && value.is_number_integer())
                value = iso8601(time_point{millis{value.get<std::int64_t>()}});
    return all;
}

std::string text_of(const std::optional<time_point>& t) {
    return t ? iso8601(*t) : std::string{};
}
std::string text_of(const json& number) {
    return number.is_null() ? std::string{} : number.dump();
}

std::string cost_text(const port::call_record& r) {
    std::string out;
    for (const auto& c : r.costs)
        out += (out.empty() ? "" : "; ") + c.total + (r.costs.size() > 1 ? " " + c.currency : "");
    return out;
}

using column = std::pair<std::string_view, std::string (*)(const port::call_record&)>;
using record = port::call_record;
constexpr std::array k_columns{
    column{"call_uuid", [](const record& r) { return r.id.text(); }},
    column{"call_session_id", [](const record& r) { return r.session; }},
    column{"organization_id", [](const record& r) { return std::to_string(r.org.value); }},
    column{"organization", [](const record& r) { return r.org_name; }},
    column{"person", [](const record& r) { return r.person; }},
    column{"login", [](const record& r) { return r.login; }},
    column{"caller_number", [](const record& r) { return r.caller_number; }},
    column{"caller_name", [](const record& r) { return r.caller_name; }},
    column{"dialed", [](const record& r) { return r.dialed; }},
    column{"outcome", [](const record& r) { return r.outcome; }},
    column{"reason", [](const record& r) { return r.end_reason; }},
    column{"started_at", [](const record& r) { return iso8601(r.began); }},
    column{"bridged_at", [](const record& r) { return text_of(r.bridged_at); }},
    column{"ended_at", [](const record& r) { return text_of(r.ended_at); }},
    column{"answer_ms", [](const record& r) { return text_of(since_begin(r, r.bridged_at)); }},
    column{"talk_ms", [](const record& r) { return std::to_string(r.talk.count()); }},
    column{"answered_by", [](const record& r) { return r.answered_by; }},
    column{"device_id", [](const record& r) { return r.device_uid; }},
    column{"device_name", [](const record& r) { return r.device_name; }},
    column{"caller_hangup_cause", [](const record& r) { return r.caller_cause; }},
    column{"answerer_hangup_cause", [](const record& r) { return r.answerer_cause; }},
    column{"mos_carrier", [](const record& r) { return r.carrier_mos; }},
    column{"mos_client", [](const record& r) { return r.client_mos; }},
    column{"no_media", [](const record& r) { return std::string(r.no_media ? "true" : "false"); }},
    column{"push_sent_ms", [](const record& r) { return text_of(since_begin(r, r.push_sent_at)); }},
    column{"push_received_ms", [](const record& r) { return text_of(since_begin(r, r.push_received_at)); }},
    column{"push_shown_ms", [](const record& r) { return text_of(since_begin(r, r.push_shown_at)); }},
    column{"cost", [](const record& r) { return cost_text(r); }},
    column{
        "currency", [](const record& r) { return r.costs.size() == 1 ? r.costs[0].currency : std::string{}; }
    },
};

} // namespace

json record_json(const port::call_record& r) {
    json out{
        {"call_uuid", r.id.text()},
        {"call_session_id", r.session},
        {"organization_id", r.org.none() ? json(nullptr) : json(r.org.value)},
        {"organization", text_or_null(r.org_name)},
        {"user_id", r.user.none() ? json(nullptr) : json(r.user.value)},
        {"person", text_or_null(r.person)},
        {"login", text_or_null(r.login)},
        {"state", r.phase},
        {"reason", text_or_null(r.end_reason)},
        {"outcome", r.outcome},
        {"caller_number", text_or_null(r.caller_number)},
        {"caller_name", text_or_null(r.caller_name)},
        {"dialed", text_or_null(r.dialed)},
        {"started_at", iso8601(r.began)},
        {"answered_at", time_or_null(r.answered_at)},
        {"bridged_at", time_or_null(r.bridged_at)},
        {"ended_at", time_or_null(r.ended_at)},
        {"answer_ms", since_begin(r, r.bridged_at)},
        {"talk_ms", r.talk.count()},
        {"answered_by", text_or_null(r.answered_by)},
        {"device_id", text_or_null(r.device_uid)},
        {"device_name", text_or_null(r.device_name)},
        {"hangup_causes",
         {{"caller", text_or_null(r.caller_cause)}, {"answerer", text_or_null(r.answerer_cause)}}},
        {"quality",
         {{"mos_carrier", text_or_null(r.carrier_mos)},
          {"mos_client", text_or_null(r.client_mos)},
          {"samples", r.samples},
          {"no_media", r.no_media}}},
        {"costs", costs_json(r)},
        {"push",
         {{"sent_ms", since_begin(r, r.push_sent_at)},
          {"received_ms", since_begin(r, r.push_received_at)},
          {"shown_ms", since_begin(r, r.push_shown_at)}}},
    };
    if (!r.legs.empty()) out["legs"] = with_times(r.legs);
    if (!r.joins.empty()) out["joins"] = with_times(r.joins);
    if (!r.pushes.empty()) out["pushes"] = with_times(r.pushes);
    return out;
}

std::string csv_field(std::string_view text) {
    // A phone number begins with a plus, what is credited with a minus, and neither is a formula: digits
    // alone follow.
    const bool number = text.size() > 1 && (text[0] == '+' || text[0] == '-') &&
                        text.find_first_not_of("0123456789.", 1) == text.npos;
    const bool formula =
        !text.empty() && !number && std::string_view("=+-@\t\r\n").find(text[0]) != text.npos;
    const bool quoted = formula || text.find_first_of(",\"\r\n") != text.npos;
    std::string out = formula ? "'" : "";
    out += text;
    if (!quoted) return out;
    std::string safe = "\"";
    for (const char c : out) {
        if (c == '"') safe += '"';
        safe += c;
    }
    return safe + '"';
}

std::string record_csv_header() {
    std::string out;
    for (const auto& c : k_columns)
        out += (out.empty() ? "" : ",") + std::string(c.first);
    return out + "\r\n";
}

std::string record_csv(const port::call_record& r) {
    std::string out;
    for (std::size_t i = 0; i < k_columns.size(); ++i)
        out += (i == 0 ? "" : ",") + csv_field(k_columns[i].second(r));
    return out + "\r\n";
}

} // namespace z360::edge::api
