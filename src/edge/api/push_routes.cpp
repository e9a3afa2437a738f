// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What became of pushes, for operators.
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::int64_t k_default_hours = 24;
constexpr std::int64_t k_most_hours = 90 * 24;

json or_null(std::optional<millis> m) {
    return m ? json(m->count()) : json();
}

json group_json(const port::push_group& g) {
    return {
        {"platform", g.platform},
        {"app_version", g.app_version},
        {"provider", g.provider},
        {"rings", g.rings},
        {"accepted", g.accepted},
        {"received", g.received},
        {"shown", g.shown},
        {"answered", g.answered},
        {"arrival_ms", {{"p50", or_null(g.arrival_p50)}, {"p95", or_null(g.arrival_p95)}}},
    };
}

json dark_json(const port::dark_device& d) {
    return {
        {"id", d.id.value},       {"device_id", d.uid},           {"name", d.name},
        {"platform", d.platform}, {"app_version", d.app_version}, {"user_id", d.user.value},
        {"accepted", d.accepted}, {"last_at", iso8601(d.last)},
    };
}

awaitable<http::response> get_stats(api_context& s, request_context in) {
    fields f(json::object());
    std::int64_t hours = k_default_hours;
    if (const auto text = in.query("hours")) {
        const auto n = whole_number(*text, 1, k_most_hours);
        if (n)
            hours = *n;
        else
            f.refuse("hours", "must be a whole number from 1 to 2160");
    }
    if (!f.ok()) co_return respond(f.refusal());
    if (s.ports.pushes == nullptr) co_return respond(unavailable_now());
    const auto from = in.now - std::chrono::hours{hours};
    const auto report = co_await s.ports.pushes->since(scope_of(in), from);
    json groups = json::array();
    for (const auto& g : report.groups)
        groups.push_back(group_json(g));
    json refusals = json::array();
    for (const auto& r : report.refusals)
        refusals.push_back(
            {{"provider", r.provider}, {"outcome", r.outcome}, {"reason", r.reason}, {"count", r.count}}
        );
    json dark = json::array();
    for (const auto& d : report.dark)
        dark.push_back(dark_json(d));
    json data{
        {"since", iso8601(from)},
        {"groups", std::move(groups)},
        {"refusals", std::move(refusals)},
        {"dark_devices", std::move(dark)},
    };
    co_return success(200, std::move(data));
}

} // namespace

std::vector<entry> push_entries() {
    return {operator_entry("GET", "/api/admin/push/stats", get_stats, "devices:read")};
}

} // namespace z360::edge::api
