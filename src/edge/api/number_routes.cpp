// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Phone numbers, contacts and blocked callers of an organisation.
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

json view(const port::number& n) {
    return {
        {"number", n.e164},
        {"organization_id", n.org.value},
        {"connection_id", text_or_null(n.connection_id)},
        {"route_type", n.route_type},
        {"receiving_user_id", n.receiver.none() ? json(nullptr) : json(n.receiver.value)},
        {"ring_plan", text_or_null(n.ring_plan)},
        {"external_number", text_or_null(n.external)},
        {"external_asked", n.external.empty() ? json(nullptr) : json(n.external_asked)},
        {"alias", text_or_null(n.alias)},
        {"status", n.status},
        {"default_caller_id", n.default_caller_id},
        {"recording", n.recording.value_or("organization")},
    };
}
json view(const port::contact& c) {
    return {
        {"number", c.e164},
        {"organization_id", c.org.value},
        {"name", c.name},
        {"avatar_url", text_or_null(c.avatar_url)},
    };
}
json view(const port::blocked_caller& b) {
    return {{"number", b.e164}, {"organization_id", b.org.value}, {"note", b.note}};
}
constexpr auto k_view = [](const auto& v) { return view(v); };

/// Everything that begins with an organisation in the path.
struct place {
    org_id org;
    std::string number;
    page rows;
    std::optional<problem> refused;
};
awaitable<place> find_place(api_context& s, request_context in, bool list) {
    place out;
    out.org = path_org(in);
    if (list) {
        out.rows = read_page(in, false);
        out.refused = out.rows.refused;
    } else {
        out.number = path_number(in);
    }
    std::optional<port::organisation> org;
    if (!out.org.none()) org = co_await s.ports.tenants.organisation_of(scope_of(in), out.org);
    if (!org) out.refused = no_org();
    co_return out;
}

template <class Row>
using listing =
    awaitable<std::vector<Row>> (port::tenants::*)(port::tenant_scope, org_id, std::string, std::size_t);
template <class Row>
awaitable<http::response> list_rows(api_context& s, request_context in, listing<Row> rows) {
    const auto at = co_await find_place(s, in, true);
    if (at.refused) co_return respond(*at.refused);
    const auto all = co_await (s.ports.tenants.*rows)(scope_of(in), at.org, at.rows.after, at.rows.limit);
    co_return reply_rows(all, k_view, at.rows.limit, "number");
}

/// Numbers and contacts go alike.
struct removing {
    awaitable<bool> (port::tenants::*run)(port::tenant_scope, org_id, std::string);
    problem unknown;
    std::string message;
};
awaitable<http::response> remove_row(api_context& s, request_context in, removing how) {
    const auto at = co_await find_place(s, in, false);
    if (at.refused) co_return respond(*at.refused);
    if (at.number.empty()) co_return respond(how.unknown);
    const bool done = co_await (s.ports.tenants.*how.run)(scope_of(in), at.org, at.number);
    if (!done) co_return respond(how.unknown);
    json data{{"number", at.number}};
    co_return success(200, std::move(data), how.message);
}

/// The number is in the path, the rest is what `read` makes of the body.
template <class Row>
awaitable<http::response> put_row(api_context& s, request_context in, void (*read)(fields&, Row&)) {
    const auto at = co_await find_place(s, in, false);
    if (at.refused) co_return respond(*at.refused);
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    Row row;
    row.e164 = at.number;
    row.org = at.org;
    if (row.e164.empty()) f.refuse("number", "must be in E.164 form, e.g. +15551234567");
    read(f, row);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(row));
    co_return reply_put(out, k_view);
}

awaitable<http::response> list_numbers(api_context& s, request_context in) {
    return list_rows<port::number>(s, std::move(in), &port::tenants::numbers);
}

void read_number(fields& f, port::number& n) {
    n.connection_id = f.text("connection_id", {.max = 64});
    const auto route = f.word("route_type", {"user", "plan", "agent", "external", "voicemail", "reject"});
    const auto receiver = f.integer("receiving_user_id", 0);
    if (receiver) n.receiver = user_id{*receiver};
    // The old product's sentinel (B23): user 0 is the agent, nobody is voicemail.
    n.ring_plan = f.text("ring_plan", {.max = 64});
    n.external = f.text("external_number", {.max = 32});
    n.external_asked = f.boolean("external_asked").value_or(true);
    n.route_type = !route.empty()         ? route
                   : !n.ring_plan.empty() ? "plan"
                   : !n.external.empty()  ? "external"
                   : !receiver            ? "voicemail"
                   : *receiver == 0       ? "agent"
                                          : "user";
    if (n.route_type == "plan" && n.ring_plan.empty())
        f.refuse("ring_plan", "is required for route_type plan");
    if (n.route_type != "plan" && !n.ring_plan.empty())
        f.refuse("ring_plan", "goes with route_type plan alone");
    if (n.route_type == "external" && n.external.empty())
        f.refuse("external_number", "is required for route_type external");
    if (n.route_type != "external" && !n.external.empty())
        f.refuse("external_number", "goes with route_type external alone");
    if (n.route_type == "user" && n.receiver.none())
        f.refuse("receiving_user_id", "is required for route_type user");
    n.alias = f.text("alias", {.max = k_longest_label, .name = true});
    const auto status = f.word("status", {"active", "suspended"});
    if (!status.empty()) n.status = status;
    n.default_caller_id = f.boolean("default_caller_id").value_or(false);
    const auto recording = f.word("recording", {"organization", "off", "on", "mandatory"});
    if (!recording.empty()) n.recording = recording;
}

awaitable<http::response> put_number(api_context& s, request_context in) {
    return put_row(s, std::move(in), read_number);
}

awaitable<http::response> delete_number(api_context& s, request_context in) {
    return remove_row(
        s, std::move(in),
        {&port::tenants::remove_number, not_found("number_unknown", "There is no such number"),
         "Number removed"}
    );
}

awaitable<http::response> list_contacts(api_context& s, request_context in) {
    return list_rows<port::contact>(s, std::move(in), &port::tenants::contacts);
}

void read_contact(fields& f, port::contact& c) {
    c.name = f.text("name", {.required = true, .name = true});
    c.avatar_url = f.text("avatar_url", {.max = 2000});
    if (!c.avatar_url.empty() && !c.avatar_url.starts_with("https://"))
        f.refuse("avatar_url", "must begin with https://");
}

awaitable<http::response> put_contact(api_context& s, request_context in) {
    return put_row(s, std::move(in), read_contact);
}

awaitable<http::response> delete_contact(api_context& s, request_context in) {
    return remove_row(
        s, std::move(in),
        {&port::tenants::remove_contact, not_found("contact_unknown", "There is no such contact"),
         "Contact removed"}
    );
}

awaitable<http::response> list_blocked(api_context& s, request_context in) {
    return list_rows<port::blocked_caller>(s, std::move(in), &port::tenants::blocked_callers);
}

void read_blocked(fields& f, port::blocked_caller& b) {
    b.note = f.text("note", {.max = 250, .lines = true, .name = true});
}

awaitable<http::response> put_blocked(api_context& s, request_context in) {
    return put_row(s, std::move(in), read_blocked);
}

awaitable<http::response> delete_blocked(api_context& s, request_context in) {
    return remove_row(
        s, std::move(in),
        {&port::tenants::remove_blocked_caller,
         not_found("blocked_caller_unknown", "This caller is not blocked"), "Caller not blocked any more"}
    );
}

} // namespace

std::vector<entry> number_entries() {
    return {
        tenant_entry("GET", "/api/admin/organizations/{org}/numbers", list_numbers),
        tenant_entry("PUT", "/api/admin/organizations/{org}/numbers/{e164}", put_number),
        tenant_entry("DELETE", "/api/admin/organizations/{org}/numbers/{e164}", delete_number),
        tenant_entry("GET", "/api/admin/organizations/{org}/contacts", list_contacts),
        tenant_entry("PUT", "/api/admin/organizations/{org}/contacts/{e164}", put_contact),
        tenant_entry("DELETE", "/api/admin/organizations/{org}/contacts/{e164}", delete_contact),
        tenant_entry("GET", "/api/admin/organizations/{org}/blocked-callers", list_blocked),
        tenant_entry("PUT", "/api/admin/organizations/{org}/blocked-callers/{e164}", put_blocked),
        tenant_entry("DELETE", "/api/admin/organizations/{org}/blocked-callers/{e164}", delete_blocked),
    };
}

} // namespace z360::edge::api
