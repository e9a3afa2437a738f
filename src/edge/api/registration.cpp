// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/registration.hpp"

#include "adapter/crypto/bearer.hpp"
#include "edge/api/auth.hpp"
#include "edge/api/client_config.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/views.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

problem upgrade_required(const registration_request& r) {
    problem p;
    p.status = 426;
    p.code = "upgrade_required";
    p.title = "This version of the app is no longer supported";
    p.detail = "At least version " + *r.too_old + " is needed";
    p.more["min_version"] = *r.too_old;
    p.more["store_url"] = text_or_null(r.store_url);
    return p;
}

/// A device token, in the clear for the only time. Empty for the device's own: it keeps the one it has.
struct issued {
    secret token;
    time_point expires_at{};
};
awaitable<issued> issue_token(api_context& s, principal who, port::device_view d, time_point now) {
    issued out;
    if (who.by == via::device) {
        out.expires_at = who.token_expires_at;
        co_return out;
    }
    const auto& c = s.ports.settings;
    out.token = adapter::crypto::make_bearer(port::token_kind::device, c.server.environment);
    auto hash = s.ports.vault.hash(out.token);
    port::new_token t;
    t.kind = port::token_kind::device;
    t.hash = std::move(hash.bytes);
    t.hash_key_id = std::move(hash.key_id);
    t.label = d.name.empty() ? d.platform : d.name;
    t.user = d.user;
    t.device = d.id;
    t.bound_to = d.bound_to;
    t.issued_by = who.token;
    t.now = now;
    t.ends_at = now + c.auth.device_absolute;
    t.expires_at = std::min(now + c.auth.device_sliding, t.ends_at);
    out.expires_at = t.expires_at;
    (void)co_await s.ports.tokens.add(std::move(t));
    co_return out;
}

json reply_data(
    const api_context& s, const request_context& in, const port::registered& r, const login& l,
    const issued& token, const std::vector<port::org_label>& orgs, std::int64_t org
) {
    const auto& d = r.device;
    const bool native = d.native_handles_calls;
    json organizations = json::array();
    for (const auto& o : orgs)
        organizations.push_back(organization_json(o));
    json data{
        {"id", r.registration_id},
        {"device_id", d.uid},
        {"platform", d.platform},
        {"organization_id", org},
        {"device_token", text_or_null(token.token.reveal())},
        {"device_token_expires_at", iso8601(token.expires_at)},
        {"sip_credentials", native ? json(nullptr) : sip_credentials(l)},
        {"push_state", d.push_state},
        {"push_token_required", push_token_required(d)},
        {"prompts", prompts_json(d)},
        {"auth_mode", auth_mode(s, d.platform, d.sdk_version)},
        {"native_handles_calls", native},
        {"organizations", std::move(organizations)},
        {"client_config", client_config(s, in.base, d, in.now)},
    };
    data.update(login_fields(l));
    if (native) {
        data["identity_state"] = "none";
        data["jwt_state"] = "none";
    }
    return data;
}

registration_result refuse(const problem& p) {
    registration_result out;
    out.refused = respond(p);
    return out;
}

/// A device that has just become one joins the calls that ring its person (B30). Nobody waits for that.
awaitable<void> join_what_rings(api_context& s, principal who, device_id device) {
    if (!s.ports.ask_later) co_return;
    who.device = device;
    const call::viewer as{call::viewer::as::device, who.user, who.bound_to, device};
    for (const auto& c : co_await s.ports.calls.live(who.scope())) {
        const auto v = view_of(c.state, as);
        if (!v ||
            std::find(v->allowed.begin(), v->allowed.end(), call::request_kind::ring) == v->allowed.end())
            continue;
        engine::request r;
        r.id = "registered-" + derive_uuid(std::to_string(device.value) + " " + v->id.text()).text();
        r.what = call::request_kind::ring;
        r.device = device;
        r.call = v->id;
        r.call_session_id = c.state.origin.call_session_id;
        s.ports.ask_later(std::move(r));
    }
}

awaitable<registration_result> enrolled(
    api_context& s, request_context in, port::registered r, std::vector<port::org_label> orgs,
    std::int64_t org
) {
    look_at(s, r.replaced);
    look_at(s, r.linked);
    login l;
    const bool wants = !r.device.native_handles_calls;
    if (wants)
        l = co_await log_in(
            s, in, r.device, password_rule::first_time, s.ports.settings.credentials.registration_budget
        );
    else
        l.token.what = credential_manager::token_status::state::none;
    if (r.device.native_handles_calls) s.ports.credentials.look_at(r.device.id);
    const auto token = co_await issue_token(s, in.who, r.device, s.now());
    if (r.created || !token.token.empty())
        co_await audit(
            s, in.who, in.address, "device_registered", r.device.id,
            "platform=" + r.device.platform + (r.created ? " new" : " again")
        );
    if (l.ready || !wants) co_await join_what_rings(s, in.who, r.device.id);
    registration_result out;
    out.status = r.created ? 201 : 200;
    if (wants && !l.ready) out.status = 202;
    out.data = reply_data(s, in, r, l, token, orgs, org);
    s.ports.metrics.count(
        "api_registrations_total",
        {{"platform", r.device.platform}, {"result", l.ready || !wants ? "ready" : "pending"}}
    );
    co_return out;
}

/// The device whose bearer the body holds: an expired one proves as much. None: it is void, or not known
/// here.
awaitable<std::vector<device_id>> proved_by(api_context& s, secret token) {
    std::vector<device_id> out;
    const auto read = adapter::crypto::read_bearer(token.reveal());
    if (!read || read->environment != s.ports.settings.server.environment) co_return out;
    std::vector<std::string> hashes;
    for (auto& h : s.ports.vault.hashes(read->whole))
        hashes.push_back(std::move(h.bytes));
    const auto row = co_await s.ports.tokens.find(std::move(hashes));
    if (row && row->kind == port::token_kind::device && !row->revoked_at) out.push_back(row->device);
    co_return out;
}

/// A code is not used up for what will be refused.
awaitable<bool> held_outside(api_context& s, principal who, std::string uid) {
    if (who.bound_to.none()) co_return false;
    const auto own = port::tenant_scope::of(who.user);
    const auto d = co_await s.ports.devices.by_uid(own, who.user, std::move(uid));
    co_return d && d->status != "removed" && d->bound_to != who.bound_to;
}

} // namespace

problem held_elsewhere() {
    problem p;
    p.status = 409;
    p.code = "device_id_taken";
    p.title = "The person has this device outside the organisation of this token";
    p.detail = "Give it another device_id, or register it with the person's own session or an unbound code";
    return p;
}

awaitable<registration_result> try_register(api_context& s, request_context in, json body) {
    fields f(body);
    auto wanted = read_registration(f, s);
    if (!f.ok()) co_return refuse(f.refusal());
    auto& r = wanted.wanted;
    // A device's token is that device's: another device does not exist for it (MOB-13).
    if (in.who.by == via::device && r.device_uid != in.who.device_uid)
        co_return refuse(not_found("device_unknown", "There is no such device"));
    if (wanted.too_old) co_return refuse(upgrade_required(wanted));
    if (!r.credential_version)
        if (const auto v = whole_number(in.req.headers.get("X-Credential-Version"), 1, 1'000'000'000))
            r.credential_version = static_cast<int>(*v);
    auto orgs = co_await organisations_of(s, in.who);
    const auto* org = choose(orgs, in.who, wanted.org);
    if (org == nullptr) co_return refuse(access_denied());
    r.user = in.who.user;
    r.org = org->id;
    r.bound_to = in.who.bound_to;
    r.session_hash = in.who.session;
    r.now = in.now;
    const bool held = co_await held_outside(s, in.who, r.device_uid);
    if (held) co_return refuse(held_elsewhere());
    if (!wanted.previous_token.empty()) r.proved = co_await proved_by(s, wanted.previous_token);
    if (in.who.by == via::device) r.proved.push_back(in.who.device);
    if (in.who.by == via::enrolment && !in.who.token.none()) {
        // Used up first: of two devices with one code, one gets in.
        const bool first = co_await s.ports.tokens.consume(in.who.token, in.now);
        if (!first)
            co_return refuse(
                unauthorized("token_used", via::enrolment, "The code was used; ask for a new one")
            );
    }
    const auto chosen = org->id.value;
    auto done = co_await s.ports.devices.enrol(std::move(r), s.ports.settings.credentials.max_browsers);
    if (!done) co_return refuse(access_denied());
    if (done->held_elsewhere) co_return refuse(held_elsewhere());
    auto out = co_await enrolled(s, std::move(in), std::move(*done), std::move(orgs), chosen);
    co_return out;
}

awaitable<http::response> register_device(api_context& s, request_context in, json body) {
    auto done = co_await try_register(s, std::move(in), std::move(body));
    if (done.status == 0) co_return std::move(done.refused);
    const char* message = "Device token registered successfully";
    if (done.status == 202) message = "Device registered; its calling identity is still being made";
    co_return success(done.status, std::move(done.data), message);
}

} // namespace z360::edge::api
