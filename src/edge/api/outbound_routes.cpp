// SPDX-License-Identifier: LicenseRef-z360-proprietary
// By which rules an organisation's people call out, and as which numbers they may be shown.
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"
#include "wire/caller_id.hpp"
#include "wire/e164.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace z360::edge::api {
namespace {

// ---- rules

json view(const port::outbound_rules& r) {
    return {
        {"organization_id", r.org.value}, {"enabled", r.enabled},
        {"allowed", or_null(r.allowed)},  {"forbidden", r.forbidden},
        {"premium", r.premium},           {"ring_seconds", or_null(r.ring_seconds)},
        {"at_once", or_null(r.at_once)},  {"per_minute", or_null(r.per_minute)},
    };
}

problem no_rules() {
    return not_found("outbound_rules_unknown", "The organisation has no rules of its own for calling out");
}

/// Each that begins no number is refused by its place, "allowed.2".
std::vector<std::string> read_beginnings(fields& f, std::string_view name) {
    auto list = f.texts(name, port::outbound_rules::k_most);
    for (std::size_t n = 0; n < list.size(); ++n)
        if (!wire::is_beginning(list[n]))
            f.refuse(std::string(name) + "." + std::to_string(n), "must be + and 1 to 15 digits, like +49");
    return list;
}

std::optional<int> read_figure(fields& f, std::string_view name, int low, int high) {
    const auto n = f.integer(name, low, high);
    return n ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

void read_rules(const json& body, fields& f, port::outbound_rules& r) {
    r.enabled = f.boolean("enabled").value_or(true);
    if (f.has("allowed")) {
        r.allowed = read_beginnings(f, "allowed");
        if (body["allowed"] == json::array())
            f.refuse("allowed", "must name what may be called; leave it out for any number");
    }
    r.forbidden = read_beginnings(f, "forbidden");
    r.premium = f.boolean("premium").value_or(false);
    r.ring_seconds = read_figure(f, "ring_seconds", 5, 600);
    r.at_once = read_figure(f, "at_once", 1, 10'000);
    r.per_minute = read_figure(f, "per_minute", 1, 600);
}

awaitable<http::response> get_rules(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.tenants.outbound_of(scope_of(in), org);
    if (!found) co_return respond(no_rules());
    co_return success(200, view(*found));
}

awaitable<http::response> put_rules(api_context& s, request_context in) {
    port::outbound_rules r;
    r.org = co_await seen_org(s, in);
    if (r.org.none()) co_return respond(no_org());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    read_rules(body.value, f, r);
    if (!f.ok()) co_return respond(f.refusal());
    const auto what = "org=" + std::to_string(r.org.value);
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(r));
    // Who opened which destinations is asked once a bill is too high.
    if (out.value) co_await audit(s, in.who, in.address, "outbound_rules_set", {}, what);
    co_return reply_put(out, [](const auto& v) { return view(v); });
}

awaitable<http::response> delete_rules(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const bool done = co_await s.ports.tenants.remove_outbound(scope_of(in), org);
    if (!done) co_return respond(no_rules());
    co_await audit(s, in.who, in.address, "outbound_rules_removed", {}, "org=" + std::to_string(org.value));
    json data{{"organization_id", org.value}};
    co_return success(200, std::move(data), "Only the server's own rules hold");
}

// ---- as which number

json view(const port::caller_id& c) {
    return {
        {"phone_number_id", c.id.value},  {"e164", c.e164},        {"alias", text_or_null(c.alias)},
        {"organization_id", c.org.value}, {"is_default", c.usual}, {"mine", c.mine},
    };
}

struct call_wish {
    org_id org; ///< none: any of theirs
    std::string to;
};
call_wish read_wish(const request_context& in, fields& f) {
    call_wish out;
    out.org = in.who.bound_to;
    if (const auto text = in.query("organization_id")) {
        const auto id = whole_number(*text);
        if (!id) f.refuse("organization_id", "must be the id of an organisation");
        out.org = {id.value_or(0)};
    }
    if (auto text = in.query("to")) {
        if (text->starts_with(' ')) text->front() = '+'; // a "+" that was not escaped
        if (!wire::is_beginning(*text))
            f.refuse("to", "must be a number or its beginning, like %2B4930901820 or %2B49");
        out.to = *text;
    }
    return out;
}

/// In each organisation the one that would be chosen first.
void in_order_of_choice(std::vector<port::caller_id>& all, const std::string& to) {
    const auto rank = [&to](const port::caller_id& c) {
        return std::tuple(c.org.value, -wire::caller_id_weight({c.e164, c.mine, c.usual}, to), c.id.value);
    };
    std::sort(all.begin(), all.end(), [&rank](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

awaitable<http::response> list_caller_ids(api_context& s, request_context in) {
    fields f(json::object());
    const auto wish = read_wish(in, f);
    if (!f.ok()) co_return respond(f.refusal());
    auto all = co_await s.ports.tenants.caller_ids(in.who.scope(), in.who.user, in.who.device, wish.org);
    in_order_of_choice(all, wish.to);
    json rows = json::array();
    for (const auto& c : all)
        rows.push_back(view(c));
    co_return success(200, std::move(rows));
}

} // namespace

std::vector<entry> outbound_entries() {
    constexpr std::string_view k_rules = "/api/admin/organizations/{org}/outbound-rules";
    return {
        tenant_entry("GET", k_rules, get_rules),
        tenant_entry("PUT", k_rules, put_rules),
        tenant_entry("DELETE", k_rules, delete_rules),
        {"GET", "/api/voip/caller-ids", list_caller_ids, k_person, rate_class::read},
    };
}

} // namespace z360::edge::api
