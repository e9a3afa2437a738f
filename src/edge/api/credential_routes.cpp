// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What devices log in with, and the organisation switch that switches nothing (D7).
#include "edge/api/auth.hpp"
#include "edge/api/client_config.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

problem native_handles_calls() {
    problem p;
    p.status = 403;
    p.code = "native_handles_calls";
    p.title = "The native app takes the calls of this device";
    return p;
}

problem pending() {
    auto p = unavailable_now("credentials_pending", 5);
    p.title = "The calling identity of this device is still being made";
    return p;
}

/// Labels and login together: the shape that old clients know of GET credentials and of switch-org.
json labelled(const login& l, const port::device_view& d, const port::org_label& org) {
    auto data = login_fields(l);
    data["device_id"] = d.uid;
    data["sip_username"] = text_or_null(l.sip_username);
    data["sip_password"] = l.password;
    if (!l.sealed.is_null()) data["sip_password_sealed"] = l.sealed;
    data["jwt_token"] = text_or_null(l.token.jwt.reveal());
    data["caller_id_name"] = text_or_null(d.user_name);
    data["caller_id_number"] = text_or_null(org.default_caller_id);
    data["organization_id"] = org.id.value;
    data["organization_name"] = org.name;
    return data;
}

awaitable<http::response> get_credentials(api_context& s, request_context in) {
    const auto uid = in.query("device_id").value_or(std::string{});
    std::optional<std::int64_t> wanted;
    if (const auto text = in.query("organization_id")) {
        wanted = whole_number(*text);
        if (!wanted) co_return respond(access_denied());
    }
    const auto found = co_await device_of(s, in, uid);
    if (found.refused) co_return respond(*found.refused);
    const auto& d = *found.device;
    if (d.native_handles_calls) co_return respond(native_handles_calls());
    const auto orgs = co_await organisations_of(s, in.who);
    const auto* org = choose(orgs, in.who, wanted);
    if (org == nullptr) co_return respond(access_denied());
    const auto budget = s.ports.settings.credentials.registration_budget;
    const auto l = co_await log_in(s, in, d, password_rule::if_configured, budget);
    auto data = labelled(l, d, *org);
    data["auth_mode"] = auth_mode(s, d.platform, d.sdk_version);
    co_return success(l.ready ? 200 : 202, std::move(data));
}

awaitable<http::response> post_token(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto uid = f.text("device_id");
    if (!f.ok()) co_return respond(f.refusal());
    // A web view inside the app must not open a second line (WEB-06).
    if (in.who.by == via::cookie && is_native_webview(in.req.headers.get("User-Agent")))
        co_return respond(native_handles_calls());
    const auto found = co_await device_of(s, in, uid);
    if (found.refused) co_return respond(*found.refused);
    const auto& d = *found.device;
    if (d.native_handles_calls) co_return respond(native_handles_calls());
    const auto budget = s.ports.settings.credentials.registration_budget;
    const auto t = co_await s.ports.credentials.token(d.id, budget);
    using state = credential_manager::token_status::state;
    switch (t.what) {
    case state::pending: co_return respond(pending());
    case state::unavailable: co_return respond(unavailable_now("voip_unavailable", 5));
    case state::none: co_return respond(not_found("identity_unknown", "This device takes no calls"));
    case state::fresh:
    case state::stale: break;
    }
    json data{
        {"device_id", d.uid},
        {"jwt_token", t.jwt.reveal()},
        {"jwt_expires_at", time_or_null(t.expires_at)},
        {"refresh_after", time_or_null(t.refresh_after)},
        {"stale", t.what == state::stale},
        {"sip_username", d.identity ? text_or_null(d.identity->sip_username) : json(nullptr)},
        {"credential_version", d.identity ? json(d.identity->version) : json(nullptr)},
    };
    co_return success(200, std::move(data));
}

awaitable<http::response> reveal(api_context& s, request_context in) {
    const auto found = co_await device_of(s, in, {});
    if (found.refused) co_return respond(*found.refused);
    const auto& d = *found.device;
    if (d.native_handles_calls) co_return respond(native_handles_calls());
    if (s.rules.jwt_only(d.platform, d.sdk_version)) {
        problem p;
        p.status = 403;
        p.code = "password_not_available";
        p.title = "This device logs in with a token; it gets no password";
        co_return respond(p);
    }
    const auto budget = s.ports.settings.credentials.registration_budget;
    const auto l = co_await log_in(s, in, d, password_rule::asked_for, budget);
    if (!l.ready || !l.with_password()) co_return respond(pending());
    json data{
        {"device_id", d.uid},
        {"sip_username", l.sip_username},
        {"sip_password", l.password},
        {"credential_version", l.version},
        {"expires_at", time_or_null(l.expires_at)},
    };
    if (!l.sealed.is_null()) data["sip_password_sealed"] = l.sealed;
    co_return success(200, std::move(data));
}

/// During a call the identity stays; when the next one is due or not yet in use, an answer now would soon be
/// wrong.
bool rotation_waits(const api_context& s, const port::device_view& d, time_point now) {
    if (!d.identity || !d.on_call) return false;
    if (d.identity->replaces && !d.identity->proved) return true;
    const auto& c = s.ports.settings.credentials;
    const auto rest = c.life * (100 - static_cast<int>(c.rotate_percent)) / 100;
    return d.identity->expires_at && *d.identity->expires_at - rest <= now;
}

/// Answered from our own rows alone: the identity is the same for every organisation, so that nothing
/// reconnects and no web session moves (MOB-01, MOB-06, WEB-03).
awaitable<http::response> switch_org(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto target = f.integer("target_organization_id", 1, 9'007'199'254'740'991, true);
    const auto uid = f.text("device_id");
    if (!f.ok()) co_return respond(f.refusal());
    const auto orgs = co_await organisations_of(s, in.who);
    const auto* org = choose(orgs, in.who, target);
    if (org == nullptr) co_return respond(access_denied());
    const auto found = co_await device_of(s, in, uid);
    if (found.refused) co_return respond(*found.refused);
    const auto& d = *found.device;
    if (d.native_handles_calls) co_return respond(native_handles_calls());
    if (rotation_waits(s, d, in.now)) {
        problem p;
        p.status = 409;
        p.code = "active_call";
        p.title = "The device is on a call and its identity is about to change";
        p.retry_after = 5;
        p.more["call_id"] = d.call_session_id ? json(*d.call_session_id) : json(nullptr);
        co_return respond(p);
    }
    const auto l = co_await log_in(s, in, d, password_rule::if_configured, millis{0});
    if (!l.ready) co_return respond(pending());
    auto data = labelled(l, d, *org);
    data["reconnect"] = false;
    co_return success(200, std::move(data));
}

awaitable<http::response> restore_org(api_context&, request_context) {
    json data{{"restored", false}};
    co_return success(200, std::move(data), "Nothing was switched");
}

} // namespace

std::vector<entry> credential_entries() {
    constexpr auto k_class = rate_class::credentials;
    // The switch reads only; native code sends it with copied cookies and no Origin, as it always has.
    std::vector<entry> out{
        {"GET", "/api/voip/credentials", get_credentials, k_person, k_class},
        {"POST", "/api/voip/token", post_token, k_person, k_class, true},
        {"POST", "/api/voip/credentials/reveal", reveal, any_of(via::device), rate_class::reveal, true},
        {"POST", "/api/voip/switch-org", switch_org, k_person, rate_class::read},
        {"POST", "/api/voip/restore-org", restore_org, k_person, rate_class::read},
    };
    out[1].in_call = true; // the media of the call may need a new token
    return out;
}

} // namespace z360::edge::api
