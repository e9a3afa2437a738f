// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/operators.hpp"

#include "edge/api/client_rules.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

/// As the body spells it.
std::string field_of(const std::string& ours) {
    if (ours == "receiver") return "receiving_user_id";
    if (ours == "e164") return "number";
    if (ours == "external") return "external_number";
    if (ours == "org") return "organization_id";
    if (ours == "user") return "user_id";
    if (ours == "voicemail_max_secs") return "voicemail_max_seconds";
    return ours.empty() ? std::string("body") : ours;
}

} // namespace

port::tenant_scope scope_of(const request_context& in) {
    auto who = in.who;
    who.user = {};
    return who.scope();
}

problem no_org() {
    auto p = not_found("organization_unknown", "There is no such organisation");
    p.detail = "GET /api/admin/organizations lists them, and z360-voipd --list-orgs";
    return p;
}
problem no_user() {
    auto p = not_found("user_unknown", "There is no such person");
    p.detail = "GET /api/admin/organizations/{org}/members lists those of an organisation, and "
               "z360-voipd --list-members --org ORG";
    return p;
}

entry operator_entry(std::string_view method, std::string_view pattern, action run, std::string_view scope) {
    entry e;
    e.method = method;
    e.pattern = pattern;
    e.run = run;
    e.takes = k_operator;
    e.rate = rate_class::admin;
    e.scope = scope;
    e.for_person = false;
    return e;
}

entry tenant_entry(std::string_view method, std::string_view pattern, action run) {
    return operator_entry(method, pattern, run, method == "GET" ? "tenants:read" : "tenants:write");
}

page read_page(const request_context& in, bool numeric) {
    page out;
    fields f(json::object());
    if (const auto text = in.query("limit")) {
        if (const auto n = whole_number(*text, 1, 500))
            out.limit = static_cast<std::size_t>(*n);
        else
            f.refuse("limit", "must be a whole number from 1 to 500");
    }
    if (const auto text = in.query("after")) {
        out.after = *text;
        // "+" in a query is a space to some and a plus to others.
        if (!numeric && out.after.starts_with(' ')) out.after[0] = '+';
        if (numeric ? !whole_number(out.after, 0) : !is_e164(out.after))
            f.refuse("after", "must be the cursor of an earlier reply");
    }
    if (!f.ok()) out.refused = f.refusal();
    return out;
}

std::int64_t cursor_id(const page& p) {
    return whole_number(p.after, 0).value_or(0);
}

http::response reply_page(json rows, std::size_t limit, std::string_view cursor_field) {
    json next = nullptr;
    if (rows.size() == limit && !rows.empty()) next = rows.back().at(std::string(cursor_field));
    json meta{{"next", std::move(next)}};
    return success(200, std::move(rows), {}, std::move(meta));
}

std::int64_t path_id(const request_context& in, std::string_view name) {
    return whole_number(in.param(name), 1, 9'007'199'254'740'991).value_or(0);
}

org_id path_org(const request_context& in) {
    const org_id org{path_id(in, "org")};
    if (!in.who.bound_to.none() && org != in.who.bound_to) return {};
    return org;
}

awaitable<org_id> seen_org(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return org;
    const auto found = co_await s.ports.tenants.organisation_of(scope_of(in), org);
    co_return found ? org : org_id{};
}

std::string path_number(const request_context& in) {
    auto text = in.param("e164");
    if (!text.starts_with('+')) text.insert(text.begin(), '+');
    return is_e164(text) ? text : std::string{};
}

problem of_refusal(const port::refusal& r) {
    problem p;
    p.detail = r.text;
    switch (r.reason) {
    case port::refusal::why::not_found:
        p.status = 404;
        p.code = "not_found";
        p.title = "There is no such thing";
        return p;
    case port::refusal::why::conflict:
        p.status = 409;
        p.code = "conflict";
        p.title = "This is taken";
        break;
    case port::refusal::why::invalid:
        p.status = 422;
        p.code = "validation_failed";
        p.title = "The given data was invalid";
        break;
    }
    json errors = json::object();
    errors[field_of(r.field)] = {r.text};
    p.more["errors"] = std::move(errors);
    return p;
}

} // namespace z360::edge::api
