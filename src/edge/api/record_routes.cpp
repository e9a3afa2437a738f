// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Records of calls, for operators and the product's backend.
#include "edge/api/operators.hpp"
#include "edge/api/record_json.hpp"
#include "edge/api/route_tables.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::int64_t k_last_moment = 4'102'444'800'000; // 2100
constexpr std::chrono::hours k_usual_span{24};

/// As ISO 8601 or in milliseconds since 1970.
time_point read_moment(const request_context& in, fields& f, std::string_view name, time_point usual) {
    const auto text = in.query(name);
    if (!text) return usual;
    if (const auto ms = whole_number(*text, 0, k_last_moment)) return time_point{millis{*ms}};
    if (const auto at = parse_iso8601(*text);
        at && at->time_since_epoch().count() >= 0 && at->time_since_epoch().count() <= k_last_moment)
        return *at;
    f.refuse(std::string(name), "must be a time, as 2026-11-30T09:00:00Z or in milliseconds since 1970");
    return usual;
}

/// "milliseconds.id" of the last record before.
std::string cursor_of(const port::call_record& r) {
    return std::to_string(r.began.time_since_epoch().count()) + "." + r.id.text();
}
port::record_cursor read_cursor(const request_context& in, fields& f) {
    const auto text = in.query("after");
    if (!text) return {};
    const auto dot = std::min(text->find('.'), text->size());
    const auto ms = whole_number(text->substr(0, dot), 0, k_last_moment);
    const auto id = call_id::parse(text->substr(std::min(dot + 1, text->size())));
    if (ms && id) return {time_point{millis{*ms}}, *id};
    f.refuse("after", "must be the cursor of an earlier reply");
    return {};
}

awaitable<http::response> get_record(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    if (s.ports.records == nullptr) co_return respond(unavailable_now());
    const auto found = co_await s.ports.records->find(scope_of(in), in.param("id"));
    if (!found || found->org != org) co_return respond(call_unknown());
    co_return success(200, record_json(*found));
}

awaitable<http::response> list_records(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    fields f(json::object());
    const auto limit = read_limit(in, f);
    const auto after = read_cursor(in, f);
    port::record_span span;
    span.org = org;
    span.until = read_moment(in, f, "until", in.now);
    span.from = read_moment(in, f, "from", span.until - k_usual_span);
    if (span.from > span.until) f.refuse("from", "must not lie behind until");
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.records == nullptr) co_return respond(unavailable_now());
    const auto found = co_await s.ports.records->page(scope_of(in), span, after, limit);
    json rows = json::array();
    for (const auto& r : found)
        rows.push_back(record_json(r));
    json meta{{"next", found.size() == limit ? json(cursor_of(found.back())) : json(nullptr)}};
    co_return success(200, std::move(rows), {}, std::move(meta));
}

} // namespace

std::vector<entry> record_entries() {
    return {
        operator_entry("GET", "/api/admin/organizations/{org}/calls", list_records, "calls:read"),
        operator_entry("GET", "/api/admin/organizations/{org}/calls/{id}", get_record, "calls:read"),
    };
}

} // namespace z360::edge::api
