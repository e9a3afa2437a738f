// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Organisations, people, memberships, settings: idempotent upserts under the product's own ids.
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"
#include "wire/agent_uri.hpp"

#include <z360/call/availability.hpp>

#include <utility>

namespace z360::edge::api {
namespace {

json view(const port::organisation& o) {
    return {{"id", o.id.value}, {"name", o.name}, {"slug", o.slug}, {"status", o.status}};
}
json view(const port::person& p) {
    json memberships = json::array();
    for (const auto& [org, role] : p.memberships)
        memberships.push_back({{"organization_id", org.value}, {"role", role}});
    return {
        {"id", p.id.value},
        {"login", p.login},
        {"name", p.name},
        {"status", p.status},
        {"memberships", std::move(memberships)},
    };
}
json view(const port::membership& m) {
    return {
        {"organization_id", m.org.value},
        {"user_id", m.user.value},
        {"role", m.role},
        {"login", text_or_null(m.login)},
        {"name", text_or_null(m.name)},
        {"mobile_number", or_null(m.mobile)},
        {"ring_plan", or_null(m.ring_plan)},
        {"second_call", or_null(m.second_call)},
    };
}
json view(const port::org_settings& s) {
    return {
        {"ring_seconds", or_null(s.ring_seconds)},
        {"voicemail_max_seconds", or_null(s.voicemail_max_secs)},
        {"voicemail_greeting", or_null(s.voicemail_greeting)},
        {"hold_prompt", or_null(s.hold_prompt)},
        {"voice", or_null(s.voice)},
        {"ringback_url", or_null(s.ringback_url)},
        {"record_calls", or_null(s.record_calls)},
        {"mobile_after_seconds", or_null(s.mobile_after_secs)},
        {"mobile_prompt", or_null(s.mobile_prompt)},
        {"blocked_message", or_null(s.blocked_message)},
        {"agent_uri", or_null(s.agent_uri)},
        {"block_anonymous", or_null(s.block_anonymous)},
        {"anonymous_message", or_null(s.anonymous_message)},
        {"recording_days", or_null(s.recording_days)},
        {"voicemail", or_null(s.voicemail)},
        {"voicemail_greeting_url", or_null(s.voicemail_greeting_url)},
        {"voicemail_beep", or_null(s.voicemail_beep)},
        {"unavailable_message", or_null(s.unavailable_message)},
        {"transcribe_messages", or_null(s.transcribe_messages)},
        {"recording_mandatory", or_null(s.recording_mandatory)},
        {"ends_unrecorded", or_null(s.ends_unrecorded)},
        {"unrecorded_message", or_null(s.unrecorded_message)},
        {"recording_announcement", or_null(s.recording_announcement)},
        {"second_call", or_null(s.second_call)},
    };
}
constexpr const char* k_second_calls = "must be ring, others or none";
constexpr auto k_view = [](const auto& v) { return view(v); };

std::string status_word(fields& f) {
    const auto given = f.word("status", {"active", "suspended"});
    return given.empty() ? std::string("active") : given;
}

awaitable<http::response> list_orgs(api_context& s, request_context in) {
    const auto p = read_page(in, true);
    if (p.refused) co_return respond(*p.refused);
    const org_id after{cursor_id(p)};
    const auto all = co_await s.ports.tenants.organisations(scope_of(in), after, p.limit);
    co_return reply_rows(all, k_view, p.limit, "id");
}

awaitable<http::response> get_org(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto o = co_await s.ports.tenants.organisation_of(scope_of(in), org);
    if (!o) co_return respond(no_org());
    co_return success(200, view(*o));
}

awaitable<http::response> put_org(api_context& s, request_context in) {
    port::organisation o;
    o.id = path_org(in);
    if (o.id.none()) co_return respond(no_org());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    o.name = f.text("name", {.required = true, .name = true});
    o.slug = f.text("slug", {.max = 100});
    if (o.slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
        f.refuse("slug", "must consist of a-z, 0-9 and '-'");
    o.status = status_word(f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(o));
    look_at(s, out.stopped);
    co_return reply_put(out, k_view);
}

awaitable<http::response> delete_org(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    co_await audit(s, in.who, in.address, "organization_suspended", {}, "org=" + std::to_string(org.value));
    const auto done = co_await s.ports.tenants.remove_organisation(scope_of(in), org, in.now);
    if (!done) co_return respond(no_org());
    look_at(s, *done);
    json data{{"id", org.value}};
    co_return success(200, std::move(data), "Organisation suspended");
}

awaitable<http::response> list_users(api_context& s, request_context in) {
    const auto p = read_page(in, true);
    if (p.refused) co_return respond(*p.refused);
    const user_id after{cursor_id(p)};
    const auto all = co_await s.ports.tenants.people(scope_of(in), after, p.limit);
    co_return reply_rows(all, k_view, p.limit, "id");
}

awaitable<http::response> get_user(api_context& s, request_context in) {
    const user_id user{path_id(in, "user")};
    if (user.none()) co_return respond(no_user());
    const auto p = co_await s.ports.tenants.person_of(scope_of(in), user);
    if (!p) co_return respond(no_user());
    co_return success(200, view(*p));
}

awaitable<http::response> put_user(api_context& s, request_context in) {
    port::person p;
    p.id = user_id{path_id(in, "user")};
    if (p.id.none()) co_return respond(no_user());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    p.login = f.text("login", {.required = true});
    if (!p.login.empty() && !is_login(p.login)) f.refuse("login", "must be an e-mail address");
    p.name = f.text("name", {.required = true, .name = true});
    p.status = status_word(f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(p));
    look_at(s, out.stopped);
    co_return reply_put(out, k_view);
}

awaitable<http::response> delete_user(api_context& s, request_context in) {
    const user_id user{path_id(in, "user")};
    if (user.none()) co_return respond(no_user());
    co_await audit(s, in.who, in.address, "user_removed", {}, "user=" + std::to_string(user.value));
    const auto done = co_await s.ports.tenants.remove_person(scope_of(in), user, in.now);
    if (!done) co_return respond(no_user());
    look_at(s, *done);
    json data{{"id", user.value}};
    co_return success(200, std::move(data), "Person removed; their devices are retired");
}

awaitable<http::response> list_members(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto p = read_page(in, true);
    if (p.refused) co_return respond(*p.refused);
    const auto o = co_await s.ports.tenants.organisation_of(scope_of(in), org);
    if (!o) co_return respond(no_org());
    const user_id after{cursor_id(p)};
    const auto all = co_await s.ports.tenants.members(scope_of(in), org, after, p.limit);
    co_return reply_rows(all, k_view, p.limit, "user_id");
}

awaitable<http::response> put_member(api_context& s, request_context in) {
    port::membership m;
    m.org = path_org(in);
    m.user = user_id{path_id(in, "user")};
    if (m.org.none()) co_return respond(no_org());
    if (m.user.none()) co_return respond(no_user());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    m.role = f.word("role", {"owner", "admin", "member"});
    m.mobile = f.text_if("mobile_number", {.max = 32});
    m.ring_plan = f.text_if("ring_plan", {.max = 64});
    m.second_call = f.text_if("second_call", {.max = 16});
    if (m.second_call && !m.second_call->empty() && !call::second_call_named(*m.second_call))
        f.refuse("second_call", k_second_calls);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(m));
    co_return reply_put(out, k_view);
}

awaitable<http::response> delete_member(api_context& s, request_context in) {
    const auto org = path_org(in);
    const user_id user{path_id(in, "user")};
    if (org.none()) co_return respond(no_org());
    if (user.none()) co_return respond(no_user());
    const auto detail = "org=" + std::to_string(org.value) + " user=" + std::to_string(user.value);
    co_await audit(s, in.who, in.address, "membership_removed", {}, detail);
    const auto done = co_await s.ports.tenants.remove_membership(scope_of(in), org, user, in.now);
    if (!done) co_return respond(not_found("membership_unknown", "There is no such membership"));
    look_at(s, *done);
    json data{{"organization_id", org.value}, {"user_id", user.value}};
    co_return success(200, std::move(data), "Membership removed");
}

awaitable<http::response> get_settings(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.tenants.settings_of(scope_of(in), org);
    if (!found) co_return respond(no_org());
    co_return success(200, view(*found));
}

port::org_settings read_settings(fields& f) {
    port::org_settings out;
    out.second_call = f.text_if("second_call", {.max = 16});
    if (out.second_call && !call::second_call_named(*out.second_call))
        f.refuse("second_call", k_second_calls);
    if (const auto n = f.integer("ring_seconds", 5, 60)) out.ring_seconds = static_cast<int>(*n);
    if (const auto n = f.integer("voicemail_max_seconds", 5, 600))
        out.voicemail_max_secs = static_cast<int>(*n);
    out.voicemail_greeting =
        f.text_if("voicemail_greeting", {.min = 1, .max = 3000, .lines = true, .name = true});
    out.hold_prompt = f.text_if("hold_prompt", {.min = 1, .max = 3000, .lines = true, .name = true});
    out.voice = f.text_if("voice", {.min = 1, .max = 100, .name = true});
    out.ringback_url = f.text_if("ringback_url", {.max = 2000});
    if (out.ringback_url && !out.ringback_url->empty() && !out.ringback_url->starts_with("https://"))
        f.refuse("ringback_url", "must begin with https://");
    out.record_calls = f.boolean("record_calls");
    out.recording_mandatory = f.boolean("recording_mandatory");
    if (out.recording_mandatory.value_or(false) && !out.record_calls.value_or(true))
        f.refuse("recording_mandatory", "must not be true where record_calls is false");
    out.ends_unrecorded = f.boolean("ends_unrecorded");
    out.unrecorded_message =
        f.text_if("unrecorded_message", {.min = 1, .max = 3000, .lines = true, .name = true});
    out.recording_announcement =
        f.text_if("recording_announcement", {.min = 1, .max = 3000, .lines = true, .name = true});
    if (const auto n = f.integer("mobile_after_seconds", 5, 60)) out.mobile_after_secs = static_cast<int>(*n);
    out.mobile_prompt = f.text_if("mobile_prompt", {.min = 1, .max = 3000, .lines = true, .name = true});
    if (const auto n = f.integer("recording_days", 1, 3'650)) out.recording_days = static_cast<int>(*n);
    out.voicemail = f.boolean("voicemail");
    out.voicemail_greeting_url = f.text_if("voicemail_greeting_url", {.max = 2000});
    if (const auto& url = out.voicemail_greeting_url; url && !url->empty() && !url->starts_with("https://"))
        f.refuse("voicemail_greeting_url", "must begin with https://");
    out.voicemail_beep = f.boolean("voicemail_beep");
    out.transcribe_messages = f.boolean("transcribe_messages");
    out.unavailable_message =
        f.text_if("unavailable_message", {.min = 1, .max = 3000, .lines = true, .name = true});
    out.blocked_message = f.text_if("blocked_message", {.min = 1, .max = 3000, .lines = true, .name = true});
    out.agent_uri = f.text_if("agent_uri", {.min = 1, .max = 250});
    if (out.agent_uri && !wire::read_agent_uri(*out.agent_uri))
        f.refuse("agent_uri", "must be an address like sip:agent@agents.example, without a password");
    out.block_anonymous = f.boolean("block_anonymous");
    out.anonymous_message =
        f.text_if("anonymous_message", {.min = 1, .max = 3000, .lines = true, .name = true});
    return out;
}

awaitable<http::response> put_settings(api_context& s, request_context in) {
    const auto org = path_org(in);
    if (org.none()) co_return respond(no_org());
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto wanted = read_settings(f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), org, std::move(wanted));
    co_return reply_put(out, k_view);
}

} // namespace

std::vector<entry> tenant_entries() {
    return {
        tenant_entry("GET", "/api/admin/organizations", list_orgs),
        tenant_entry("GET", "/api/admin/organizations/{org}", get_org),
        tenant_entry("PUT", "/api/admin/organizations/{org}", put_org),
        tenant_entry("DELETE", "/api/admin/organizations/{org}", delete_org),
        tenant_entry("GET", "/api/admin/users", list_users),
        tenant_entry("GET", "/api/admin/users/{user}", get_user),
        tenant_entry("PUT", "/api/admin/users/{user}", put_user),
        tenant_entry("DELETE", "/api/admin/users/{user}", delete_user),
        tenant_entry("GET", "/api/admin/organizations/{org}/members", list_members),
        tenant_entry("PUT", "/api/admin/organizations/{org}/members/{user}", put_member),
        tenant_entry("DELETE", "/api/admin/organizations/{org}/members/{user}", delete_member),
        tenant_entry("GET", "/api/admin/organizations/{org}/settings", get_settings),
        tenant_entry("PUT", "/api/admin/organizations/{org}/settings", put_settings),
    };
}

} // namespace z360::edge::api
