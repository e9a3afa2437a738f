// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/logins.hpp"

#include "adapter/crypto/base64.hpp"
#include "edge/api/views.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace z360::edge::api {
namespace {

using steady = std::chrono::steady_clock;
constexpr std::size_t k_most_devices = 500;

millis left(steady::time_point began, millis budget) {
    const auto used = std::chrono::duration_cast<millis>(steady::now() - began);
    return std::max(millis{0}, budget - used);
}

/// Whether this reply may hold the password of the identity, going by what was known when the request began.
bool may_disclose(
    const api_context& s, const port::device_view& d, identity_id which, password_rule rule, time_point begun
) {
    if (s.rules.jwt_only(d.platform, d.sdk_version)) return false;
    switch (rule) {
    case password_rule::asked_for: return true;
    case password_rule::if_configured: return s.ports.settings.credentials.password_in_replies;
    case password_rule::first_time: break;
    }
    if (s.ports.settings.credentials.password_in_replies) return true;
    if (!d.identity || d.identity->id != which || !d.identity->disclosed) return true;
    // Disclosed by a request that ran beside this one: parallel first registrations all get it.
    return d.identity->disclosed_at && *d.identity->disclosed_at >= begun;
}

problem ambiguous() {
    problem p;
    p.status = 409;
    p.code = "device_ambiguous";
    p.title = "It cannot be told which device this is";
    p.detail = "Name it in device_id or in the header X-Z360-Device, or register it in this session";
    return p;
}

bool usable(const std::optional<port::identity_view>& i, time_point now) {
    return i && (i->state == "active" || i->state == "rotating") && !i->sip_username.empty() &&
           (!i->expires_at || *i->expires_at > now);
}

awaitable<void> add_password(api_context& s, request_context in, port::device_view d, login& out) {
    const auto password = co_await s.ports.devices.password(out.identity);
    if (!password || password->empty()) co_return;
    if (!d.public_key.empty()) {
        const auto box = adapter::crypto::seal_to(d.public_key, *password);
        if (!box) co_return;
        out.sealed = adapter::crypto::base64(*box);
    }
    co_await audit(
        s, in.who, in.address, "password_disclosed", d.id,
        "identity=" + std::to_string(out.identity.value) + " version=" + std::to_string(out.version)
    );
    if (out.sealed.is_null()) out.password = password->reveal();
}

} // namespace

awaitable<login>
log_in(api_context& s, request_context in, port::device_view d, password_rule rule, millis budget) {
    const auto began = steady::now();
    login out;
    if (usable(d.identity, in.now)) {
        out.ready = true;
        out.identity = d.identity->id;
        out.sip_username = d.identity->sip_username;
        out.version = d.identity->version;
        out.expires_at = d.identity->expires_at;
    } else if (budget > millis{0}) {
        const auto made = co_await s.ports.credentials.ensure(d.id, budget);
        out.ready = made.ready;
        out.identity = made.identity;
        out.sip_username = made.sip_username;
        out.version = made.version;
        out.expires_at = made.expires_at;
    }
    if (!out.ready) {
        out.token.what = credential_manager::token_status::state::pending;
        co_return out;
    }
    if (budget > millis{0})
        out.token = co_await s.ports.credentials.token(d.id, left(began, budget));
    else
        out.token = co_await s.ports.credentials.cached_token(d.id);
    if (may_disclose(s, d, out.identity, rule, in.now)) co_await add_password(s, in, d, out);
    co_await s.ports.devices.mark_delivered(out.identity, out.with_password(), s.now());
    co_return out;
}

json login_fields(const login& l) {
    using state = credential_manager::token_status::state;
    std::string_view jwt_state = "unavailable";
    switch (l.token.what) {
    case state::fresh: jwt_state = "fresh"; break;
    case state::stale: jwt_state = "stale"; break;
    case state::pending: jwt_state = "pending"; break;
    case state::unavailable: jwt_state = "unavailable"; break;
    case state::none: jwt_state = "none"; break;
    }
    return {
        {"identity_state", l.ready ? "active" : "pending"},
        {"credential_version", l.ready ? json(l.version) : json(nullptr)},
        {"expires_at", time_or_null(l.expires_at)},
        {"jwt_state", jwt_state},
        {"jwt_expires_at", time_or_null(l.token.expires_at)},
        {"refresh_after", time_or_null(l.token.refresh_after)},
    };
}

json sip_credentials(const login& l) {
    if (!l.ready) return nullptr;
    json out{
        {"sip_username", l.sip_username},
        {"sip_password", l.password},
        {"jwt_token", text_or_null(l.token.jwt.reveal())},
    };
    if (!l.sealed.is_null()) out["sip_password_sealed"] = l.sealed;
    return out;
}

awaitable<std::optional<port::device_view>>
find_device(api_context& s, port::tenant_scope scope, user_id owner, std::string name) {
    auto own_id = s.rules.device_id(name);
    auto found = co_await s.ports.devices.by_uid(scope, owner, std::move(own_id));
    const auto number = whole_number(name, 1, std::numeric_limits<std::int64_t>::max());
    if (number && (!found || found->status == "removed")) {
        const device_id numbered{*number};
        auto other = co_await s.ports.devices.by_id(scope, numbered);
        if (other && other->user == owner) found = std::move(other);
    }
    if (found && found->user != owner) found.reset();
    co_return found;
}

awaitable<device_found> device_of(api_context& s, request_context in, std::string uid) {
    device_found out;
    out.refused = not_found("device_unknown", "There is no such device");
    if (uid.empty()) uid = std::string(in.req.headers.get("X-Z360-Device"));
    if (in.who.by == via::device) {
        const bool own = uid.empty() || s.rules.device_id(uid) == in.who.device_uid ||
                         uid == std::to_string(in.who.device.value);
        if (!own) co_return out;
        out.device = co_await s.ports.devices.by_id(in.who.scope(), in.who.device);
    } else if (!uid.empty()) {
        out.device = co_await find_device(s, in.who.scope(), in.who.user, std::move(uid));
    } else {
        const auto all = co_await s.ports.devices.list(in.who.scope(), in.who.user, k_most_devices);
        const auto meant = pick_device(all, in.req.headers.get("User-Agent"), in.who.session);
        if (meant.device != nullptr) out.device = *meant.device;
        out.refused->code = "device_not_registered";
        out.refused->title = "No device fits; register it first, or name it in device_id";
        if (meant.ambiguous) out.refused = ambiguous();
    }
    if (out.device && (out.device->status != "active" || out.device->user != in.who.user)) out.device.reset();
    if (out.device) out.refused.reset();
    co_return out;
}

awaitable<std::vector<port::org_label>> organisations_of(api_context& s, principal who) {
    auto orgs = co_await s.ports.devices.organisations(who.user);
    if (!who.bound_to.none()) std::erase_if(orgs, [&who](const auto& o) { return o.id != who.bound_to; });
    co_return orgs;
}

const port::org_label*
choose(const std::vector<port::org_label>& orgs, const principal& who, std::optional<std::int64_t> wanted) {
    const auto active = [&orgs](std::int64_t id) -> const port::org_label* {
        for (const auto& o : orgs)
            if (o.id.value == id && o.status == "active") return &o;
        return nullptr;
    };
    if (wanted) return active(*wanted);
    // What a backend or an enrolment names is meant; where a cookie's session happens to be is a hint.
    if (!who.org.none() && who.by != via::cookie) return active(who.org.value);
    if (const auto* o = active(who.org.value)) return o;
    for (const auto& o : orgs)
        if (o.status == "active") return &o;
    return nullptr;
}

} // namespace z360::edge::api
