// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What operators do for people and with tokens.
#include "adapter/crypto/bearer.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_tokens = 500;
constexpr std::size_t k_most_devices = 500;
constexpr millis k_day{86'400'000};

awaitable<http::response> list_devices(api_context& s, request_context in) {
    const user_id user{path_id(in, "user")};
    std::optional<port::person> person;
    if (!user.none()) person = co_await s.ports.tenants.person_of(scope_of(in), user);
    if (!person) co_return respond(no_user());
    auto all = co_await s.ports.devices.list(scope_of(in), user, k_most_devices);
    json rows = json::array();
    for (auto& d : all) {
        // Whether somebody talks for another organisation is not this one's to know.
        if (!in.who.bound_to.none()) d.on_call = d.call_session_id.has_value();
        rows.push_back(device_json(d));
    }
    co_return success(200, std::move(rows));
}

awaitable<http::response> delete_device(api_context& s, request_context in) {
    const auto unknown = not_found("device_unknown", "There is no such device");
    const user_id user{path_id(in, "user")};
    if (user.none()) co_return respond(unknown);
    // The number is what the list shows first; an app's own id may look like one.
    std::optional<port::device_view> d;
    const device_id number{path_id(in, "device")};
    if (!number.none()) d = co_await s.ports.devices.by_id(scope_of(in), number);
    if (!d || d->user != user) d = co_await find_device(s, scope_of(in), user, in.param("device"));
    if (!d || d->status == "removed") co_return respond(unknown);
    const auto device = d->id;
    co_await audit(s, in.who, in.address, "device_removed", device, "revoked");
    port::removal what{device, "revoked", in.now};
    const bool done = co_await s.ports.devices.remove(scope_of(in), std::move(what));
    if (!done) co_return respond(unknown);
    s.ports.credentials.look_at(device);
    // An organisation takes away what is its own: it does not see a device any more that goes on for others.
    const auto left = co_await s.ports.devices.by_id(scope_of(in), device);
    json data{{"id", device.value}, {"device_id", d->uid}};
    co_return success(
        200, std::move(data),
        left ? "Device revoked"
             : "The device rings for this organisation no more; it goes on for the person's others"
    );
}

/// Stores a token and gives it out, in the clear for the only time.
struct made_token {
    token_id id;
    secret text;
};
awaitable<made_token> make_token(api_context& s, port::new_token t) {
    made_token out;
    out.text = adapter::crypto::make_bearer(t.kind, s.ports.settings.server.environment);
    auto hash = s.ports.vault.hash(out.text);
    t.hash = std::move(hash.bytes);
    t.hash_key_id = std::move(hash.key_id);
    out.id = co_await s.ports.tokens.add(std::move(t));
    co_return out;
}

awaitable<http::response> post_enrolment(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto ttl = f.integer("ttl_seconds", 60, 7 * 86'400).value_or(900);
    const auto org = f.integer("organization_id");
    if (!f.ok()) co_return respond(f.refusal());
    const user_id user{path_id(in, "user")};
    std::optional<port::person> person;
    if (!user.none()) person = co_await s.ports.tenants.person_of(scope_of(in), user);
    if (!person || person->status != "active") co_return respond(no_user());
    port::new_token t;
    t.kind = port::token_kind::enrolment;
    t.user = user;
    t.org = t.bound_to = in.who.bound_to;
    if (org && t.org.none()) t.org = org_id{*org};
    const auto& member = person->memberships;
    const bool belongs =
        std::any_of(member.begin(), member.end(), [&t](const auto& m) { return m.first == t.org; });
    if ((org && *org != t.org.value) || (!t.org.none() && !belongs)) {
        auto p = not_found("organization_unknown", "The person is in no such organisation");
        p.detail =
            "PUT /api/admin/organizations/{org}/members/{user} makes them a member, as does --add-member";
        co_return respond(p);
    }
    t.label = "enrolment";
    t.issued_by = in.who.token;
    t.now = in.now;
    t.expires_at = in.now + std::chrono::seconds(ttl);
    t.ends_at = t.expires_at;
    const auto until = t.expires_at;
    co_await audit(s, in.who, in.address, "enrolment_code_made", {}, "user=" + std::to_string(user.value));
    const auto token = co_await make_token(s, std::move(t));
    json data{
        {"user_id", user.value}, {"enrolment_code", token.text.reveal()}, {"expires_at", iso8601(until)}
    };
    co_return success(201, std::move(data));
}

json token_json(const port::token_row& t) {
    return {
        {"id", t.id.value},
        {"kind", port::name(t.kind)},
        {"name", t.label},
        {"scopes", t.scopes},
        {"organization_id", t.org.none() ? json(nullptr) : json(t.org.value)},
        {"created_at", iso8601(t.created_at)},
        {"last_used_at", time_or_null(t.last_used_at)},
        {"expires_at", iso8601(t.expires_at)},
    };
}

awaitable<http::response> list_tokens(api_context& s, request_context in) {
    const auto all = co_await s.ports.tokens.list(in.who.bound_to, k_most_tokens);
    json rows = json::array();
    for (const auto& t : all)
        rows.push_back(token_json(t));
    co_return success(200, std::move(rows));
}

void check_scopes(fields& f, const principal& who, port::token_kind kind, std::vector<std::string>& scopes) {
    for (const auto& wanted : scopes) {
        const auto& all = port::k_token_scopes;
        if (std::find(all.begin(), all.end(), wanted) == all.end())
            f.refuse("scopes", "\"" + wanted + "\" is not a scope");
        else if (!who.may(wanted) && !(who.by == via::admin && who.scopes.empty()))
            f.refuse("scopes", "\"" + wanted + "\" is more than the asking token may");
    }
    // Nobody makes a token that may more than theirs: an admin token without scopes may everything.
    if (kind == port::token_kind::admin && scopes.empty() && (who.by != via::admin || !who.scopes.empty()))
        f.refuse("scopes", "are required: the asking token has limits of its own");
    if (kind == port::token_kind::service && scopes.empty() && who.may("act")) scopes = {"act"};
}

awaitable<http::response> post_token(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    port::new_token t;
    const auto kind = f.word("kind", {"service", "admin"}, true);
    t.kind = kind == "admin" ? port::token_kind::admin : port::token_kind::service;
    t.label = f.text("name", {.required = true, .max = k_longest_label, .name = true});
    t.scopes = f.texts("scopes", port::k_token_scopes.size());
    const auto org = f.integer("organization_id");
    const auto days = f.integer("expires_in_days", 1, 3650).value_or(365);
    check_scopes(f, in.who, t.kind, t.scopes);
    if (t.kind == port::token_kind::admin && in.who.by != via::admin)
        f.refuse("kind", "a service token may not make admin tokens");
    if (t.kind == port::token_kind::service && t.scopes.empty() && f.ok())
        f.refuse("scopes", "are required: the asking token has limits of its own");
    if (!f.ok()) co_return respond(f.refusal());
    t.org = in.who.bound_to;
    if (org && t.org.none()) t.org = org_id{*org};
    std::optional<port::organisation> found;
    if (!t.org.none()) found = co_await s.ports.tenants.organisation_of(scope_of(in), t.org);
    if ((org && *org != t.org.value) || (!t.org.none() && !found)) co_return respond(no_org());
    t.issued_by = in.who.token;
    t.now = in.now;
    t.expires_at = in.now + k_day * days;
    t.ends_at = t.expires_at;
    co_await audit(s, in.who, in.address, "token_made", {}, "kind=" + kind + " name=" + t.label);
    json data{
        {"kind", kind},
        {"name", t.label},
        {"scopes", t.scopes},
        {"organization_id", t.org.none() ? json(nullptr) : json(t.org.value)},
        {"expires_at", iso8601(t.expires_at)},
    };
    const auto made = co_await make_token(s, std::move(t));
    data["id"] = made.id.value;
    data["token"] = made.text.reveal();
    co_return success(201, std::move(data), "This is the only time the token is shown");
}

awaitable<http::response> delete_token(api_context& s, request_context in) {
    const auto unknown = not_found("token_not_found", "There is no such token");
    const token_id id{path_id(in, "id")};
    if (id.none()) co_return respond(unknown);
    co_await audit(s, in.who, in.address, "token_revoked", {}, "token=" + std::to_string(id.value));
    const bool done = co_await s.ports.tokens.revoke(id, in.who.bound_to, "revoked", in.now);
    if (!done) co_return respond(unknown);
    json data{{"id", id.value}};
    co_return success(200, std::move(data), "Token revoked");
}

} // namespace

std::vector<entry> operator_entries() {
    return {
        operator_entry("GET", "/api/admin/users/{user}/devices", list_devices, "devices:read"),
        operator_entry("DELETE", "/api/admin/users/{user}/devices/{device}", delete_device, "devices:write"),
        operator_entry("POST", "/api/admin/users/{user}/enrolment-codes", post_enrolment, "enrolment"),
        operator_entry("GET", "/api/admin/tokens", list_tokens, "tokens"),
        operator_entry("POST", "/api/admin/tokens", post_token, "tokens"),
        operator_entry("DELETE", "/api/admin/tokens/{id}", delete_token, "tokens"),
    };
}

} // namespace z360::edge::api
