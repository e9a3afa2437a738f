// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the voicemail of a number, or of a member, says otherwise than the organisation's (BE-26).
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

json view(const port::box_owner& of, const port::voicemail_box& b) {
    return {
        {"organization_id", of.org.value},
        {"number", of.e164.empty() ? json(nullptr) : json(of.e164)},
        {"user_id", of.e164.empty() ? json(of.user.value) : json(nullptr)},
        {"voicemail", or_null(b.voicemail)},
        {"max_seconds", or_null(b.max_secs)},
        {"greeting", or_null(b.greeting)},
        {"greeting_url", or_null(b.greeting_url)},
        {"closed_greeting", or_null(b.closed_greeting)},
        {"unavailable_message", or_null(b.unavailable_message)},
        {"voice", or_null(b.voice)},
        {"beep", or_null(b.beep)},
    };
}

problem no_box() {
    return not_found("voicemail_settings_unknown", "Its voicemail is the organisation's");
}

/// Whose the path names.
port::box_owner owner_of(const request_context& in) {
    port::box_owner out;
    out.org = path_org(in);
    if (in.req.params.contains("e164"))
        out.e164 = path_number(in);
    else
        out.user = {path_id(in, "user")};
    return out;
}
bool names_nobody(const port::box_owner& of) {
    return of.org.none() || (of.e164.empty() && of.user.none());
}

port::voicemail_box read_box(fields& f) {
    port::voicemail_box b;
    b.voicemail = f.boolean("voicemail");
    if (const auto n = f.integer("max_seconds", 5, 600)) b.max_secs = static_cast<int>(*n);
    b.greeting = f.text_if("greeting", {.min = 1, .max = 3000, .lines = true, .name = true});
    b.greeting_url = f.text_if("greeting_url", {.max = 2000});
    if (const auto& url = b.greeting_url; url && !url->empty() && !url->starts_with("https://"))
        f.refuse("greeting_url", "must begin with https://");
    b.closed_greeting = f.text_if("closed_greeting", {.min = 1, .max = 3000, .lines = true, .name = true});
    b.unavailable_message =
        f.text_if("unavailable_message", {.min = 1, .max = 3000, .lines = true, .name = true});
    b.voice = f.text_if("voice", {.min = 1, .max = 100, .name = true});
    b.beep = f.boolean("beep");
    return b;
}

awaitable<http::response> get_box(api_context& s, request_context in) {
    const auto of = owner_of(in);
    if (names_nobody(of)) co_return respond(no_box());
    const auto found = co_await s.ports.tenants.box_of(scope_of(in), of);
    if (!found) co_return respond(no_box());
    co_return success(200, view(of, *found));
}

awaitable<http::response> put_box(api_context& s, request_context in) {
    const auto of = owner_of(in);
    if (of.org.none()) co_return respond(no_org());
    if (names_nobody(of))
        co_return respond(
            in.req.params.contains("e164") ? not_found("number_unknown", "There is no such number")
                                           : no_user()
        );
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    auto b = read_box(f);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put_box(scope_of(in), of, std::move(b));
    co_return reply_put(out, [&of](const auto& v) { return view(of, v); });
}

awaitable<http::response> delete_box(api_context& s, request_context in) {
    const auto of = owner_of(in);
    if (names_nobody(of)) co_return respond(no_box());
    const bool gone = co_await s.ports.tenants.remove_box(scope_of(in), of);
    if (!gone) co_return respond(no_box());
    json data{{"organization_id", of.org.value}};
    co_return success(200, std::move(data), "Its voicemail is the organisation's");
}

} // namespace

std::vector<entry> voicemail_box_entries() {
    constexpr std::string_view k_number = "/api/admin/organizations/{org}/numbers/{e164}/voicemail";
    constexpr std::string_view k_member = "/api/admin/organizations/{org}/members/{user}/voicemail";
    std::vector<entry> out;
    for (const auto pattern : {k_number, k_member}) {
        out.push_back(tenant_entry("GET", pattern, get_box));
        out.push_back(tenant_entry("PUT", pattern, put_box));
        out.push_back(tenant_entry("DELETE", pattern, delete_box));
    }
    return out;
}

} // namespace z360::edge::api
