// SPDX-License-Identifier: LicenseRef-z360-proprietary
// When an organisation takes calls, and where a call to one of its numbers would go.
#include "edge/api/client_rules.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"
#include "wire/opening_hours.hpp"
#include "wire/party.hpp"

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

// Who has the calls that come out of hours.
constexpr std::string_view k_voicemail = "voicemail";
constexpr std::string_view k_agent = "agent";

json view(const port::opening& o) {
    auto out = wire::to_json(o.hours);
    out["organization_id"] = o.org.value;
    out["time_zone"] = o.time_zone;
    out["closed_greeting"] = o.closed_greeting ? json(*o.closed_greeting) : json(nullptr);
    out["closed_to"] = o.closed_to_agent ? k_agent : k_voicemail;
    return out;
}

problem no_hours() {
    return not_found("opening_hours_unknown", "The organisation takes calls at all times");
}

problem no_number() {
    auto p = not_found("number_unknown", "There is no such number");
    p.detail = "Calls to a number that is suspended, or set to reject, go nowhere either";
    return p;
}

awaitable<http::response> get_hours(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.tenants.opening_of(scope_of(in), org);
    if (!found) co_return respond(no_hours());
    co_return success(200, view(*found));
}

awaitable<http::response> put_hours(api_context& s, request_context in) {
    port::opening o;
    o.org = co_await seen_org(s, in);
    if (o.org.none()) co_return respond(no_org());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    o.time_zone = f.text("time_zone", {.required = true, .max = 64});
    o.closed_greeting = f.text_if("closed_greeting", {.min = 1, .max = 3000, .lines = true, .name = true});
    o.closed_to_agent = f.word("closed_to", {k_voicemail, k_agent}) == k_agent;
    std::vector<wire::hours_fault> faults;
    o.hours = wire::read_opening_hours(body.value, faults);
    for (auto& fault : faults)
        f.refuse(fault.field, std::move(fault.text));
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(o));
    co_return reply_put(out, [](const auto& v) { return view(v); });
}

awaitable<http::response> delete_hours(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const bool done = co_await s.ports.tenants.remove_opening(scope_of(in), org);
    if (!done) co_return respond(no_hours());
    json data{{"organization_id", org.value}};
    co_return success(200, std::move(data), "Calls are taken at all times");
}

// ---- where a call would go

struct question {
    std::string number;
    std::string from;
    time_point at{};
};

// A "+" that was not escaped reads as a blank; none of the two texts has one.
void unescaped_plus(std::string& text) {
    std::replace(text.begin(), text.end(), ' ', '+');
}

question read_question(const request_context& in, fields& f) {
    question q;
    q.number = path_number(in);
    q.from = in.query("from").value_or("");
    unescaped_plus(q.from);
    if (!q.from.empty() && q.from != wire::k_withheld && !is_e164(q.from))
        f.refuse("from", "must be in E.164 form, e.g. %2B15551234567, or withheld");
    q.at = in.now;
    if (auto text = in.query("at")) {
        unescaped_plus(*text);
        const auto at = parse_iso8601(*text);
        if (at)
            q.at = *at;
        else
            f.refuse("at", "must be a time like 2026-12-24T18:00:00Z");
    }
    return q;
}

awaitable<http::response> get_route(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    if (s.ports.directory == nullptr) co_return respond(no_number());
    fields f(json::object());
    auto q = read_question(in, f);
    if (!f.ok()) co_return respond(f.refusal());
    auto routed = co_await s.ports.directory->foresee(q.number, q.from, in.now, q.at);
    // Whose number it is comes from our rows; another organisation's is none.
    if (routed.org != org) co_return respond(no_number());
    call::heed_cause(routed);
    call::leave_out_caller(routed, q.from);
    co_return success(200, route_json(routed, q.at));
}

} // namespace

std::vector<entry> routing_entries() {
    return {
        tenant_entry("GET", "/api/admin/organizations/{org}/opening-hours", get_hours),
        tenant_entry("PUT", "/api/admin/organizations/{org}/opening-hours", put_hours),
        tenant_entry("DELETE", "/api/admin/organizations/{org}/opening-hours", delete_hours),
        tenant_entry("GET", "/api/admin/organizations/{org}/numbers/{e164}/route", get_route),
    };
}

} // namespace z360::edge::api
