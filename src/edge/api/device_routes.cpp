// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices of the person who asks.
#include "edge/api/auth.hpp"
#include "edge/api/client_config.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/registration.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_most_devices = 500;

awaitable<http::response> post_device(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    auto r = co_await register_device(s, std::move(in), std::move(body.value));
    co_return r;
}

awaitable<http::response> list_devices(api_context& s, request_context in) {
    const auto all = co_await s.ports.devices.list(in.who.scope(), in.who.user, k_most_devices);
    json data = json::array();
    for (const auto& d : all)
        if (d.user == in.who.user) data.push_back(device_json(d));
    co_return success(200, std::move(data));
}

awaitable<http::response> delete_device(api_context& s, request_context in) {
    const auto unknown = not_found("device_unknown", "There is no such device");
    auto name = in.param("deviceId");
    const auto d = co_await find_device(s, in.who.scope(), in.who.user, std::move(name));
    if (!d || d->status == "removed" || d->user != in.who.user) co_return respond(unknown);
    if (in.who.by == via::device && d->id != in.who.device) co_return respond(unknown);
    co_await audit(s, in.who, in.address, "device_removed", d->id, "logout");
    port::removal what{d->id, "logout", in.now};
    const bool removed = co_await s.ports.devices.remove(in.who.scope(), std::move(what));
    if (!removed) co_return respond(unknown);
    s.ports.credentials.look_at(d->id);
    json data{{"device_id", d->uid}};
    co_return success(200, std::move(data), "Device token removed successfully");
}

awaitable<http::response> update_push(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto uid = s.rules.device_id(f.text("device_id", {.required = true}));
    if (!uid.empty() || f.has("device_id"))
        if (const auto* fault = s.rules.device_id_fault(uid)) f.refuse("device_id", fault);
    bool any = false;
    for (const char* name : {"fid", "fcm_token", "voip_token", "apns_voip_token", "push_token"}) {
        const auto given = f.text_if(name, {.max = k_longest_push_token});
        any = any || f.has(name);
        if (!given || (given->empty() && s.rules.empty_tokens())) continue;
        // What is no token on any platform; the device's own follows below.
        const auto read = read_push_token("android", name, *given, uid);
        if (read.fault != nullptr) f.refuse(name, read.fault);
    }
    if (!any) f.refuse("fcm_token", "is required, or fid, or voip_token");
    if (!f.ok()) co_return respond(f.refusal());
    auto found = co_await device_of(s, in, uid);
    if (found.refused) co_return respond(*found.refused);
    // The same checks as at registration, with the platform that the device registered.
    auto as_registered = body.value;
    as_registered["platform"] = found.device->platform;
    fields checked(as_registered);
    auto wanted = read_registration(checked, s).wanted;
    if (!checked.ok()) co_return respond(checked.refusal());
    port::device_view d = std::move(*found.device);
    if (!wanted.push.empty() || !s.rules.empty_tokens()) {
        auto done =
            co_await s.ports.devices.update_push(in.who.scope(), d.uid, std::move(wanted.push), in.now);
        if (!done) co_return respond(not_found("device_unknown", "There is no such device"));
        look_at(s, done->replaced);
        d = std::move(done->device);
    }
    json data{
        {"device_id", d.uid},
        {"push_state", d.push_state},
        {"push_token_required", push_token_required(d)},
        {"push_updated_at", time_or_null(d.push_updated_at)},
    };
    co_return success(200, std::move(data), "Push token updated");
}

awaitable<http::response> get_self(api_context& s, request_context in) {
    const auto wanted = in.query("device_id").value_or(std::string{});
    const auto found = co_await device_of(s, in, wanted);
    if (found.refused) co_return respond(*found.refused);
    auto data = device_json(*found.device);
    data["auth_mode"] = auth_mode(s, found.device->platform, found.device->sdk_version);
    data["prompts"] = prompts_json(*found.device);
    co_return success(200, std::move(data));
}

// ---- the old web product's own routes: business pushes only, keyed by the token (B33)

std::string push_uid(const adapter::crypto::vault::token_hash& h) {
    constexpr std::string_view k_hex = "0123456789abcdef";
    std::string out = "push-";
    for (const char c : std::string_view(h.bytes).substr(0, 16)) {
        const auto u = static_cast<unsigned char>(c);
        out.push_back(k_hex[u >> 4U]);
        out.push_back(k_hex[u & 15U]);
    }
    return out;
}

/// Back to the page it came from, on this site only.
http::response back(const http::request& req) {
    std::string_view to = req.headers.get("Referer");
    const auto scheme = to.find("://");
    const auto path = scheme == std::string_view::npos ? std::string_view::npos : to.find('/', scheme + 3);
    to = path == std::string_view::npos ? std::string_view("/") : to.substr(path);
    const bool odd = to.starts_with("//") || to.find_first_of("\\\r\n") != std::string_view::npos;
    auto r = http::response::text(303, "");
    r.headers.set("Location", std::string(odd ? std::string_view("/") : to));
    return r;
}

struct business_token {
    std::optional<problem> refused;
    std::string platform;
    secret token;
};
business_token read_business(const http::request& req, bool with_platform) {
    business_token out;
    auto body = read_object(req.body);
    if (body.refused) {
        out.refused = std::move(body.refused);
        return out;
    }
    fields f(body.value);
    const auto text = f.text("fcm_token", {.required = true, .max = k_longest_push_token});
    out.platform = f.word("platform", {"android", "ios"}, with_platform);
    if (!text.empty()) {
        const auto read = read_push_token("android", "fcm_token", text, "");
        if (read.fault != nullptr) f.refuse("fcm_token", read.fault);
    }
    out.token = secret(text);
    if (!f.ok()) out.refused = f.refusal();
    return out;
}

awaitable<http::response> post_business(api_context& s, request_context in) {
    auto b = read_business(in.req, true);
    if (b.refused) co_return respond(*b.refused);
    const auto orgs = co_await organisations_of(s, in.who);
    const auto* org = choose(orgs, in.who, std::nullopt);
    if (org == nullptr) co_return respond(access_denied());
    port::registration r;
    r.user = in.who.user;
    r.org = org->id;
    r.device_uid = push_uid(s.ports.vault.hash(b.token));
    r.platform = b.platform;
    r.bound_to = in.who.bound_to;
    r.wants_identity = false;
    r.now = in.now;
    port::push_token t;
    t.token = std::move(b.token);
    r.push.push_back(std::move(t));
    const auto done = co_await s.ports.devices.enrol(std::move(r), s.ports.settings.credentials.max_browsers);
    if (!done) co_return respond(access_denied());
    if (done->held_elsewhere) co_return respond(held_elsewhere());
    look_at(s, done->replaced);
    co_return back(in.req);
}

awaitable<http::response> delete_business(api_context& s, request_context in) {
    const auto b = read_business(in.req, false);
    if (b.refused) co_return respond(*b.refused);
    for (const auto& h : s.ports.vault.hashes(b.token)) {
        const auto d = co_await s.ports.devices.by_uid(in.who.scope(), in.who.user, push_uid(h));
        if (!d || d->status == "removed" || d->user != in.who.user) continue;
        port::removal what{d->id, "logout", in.now};
        const bool removed = co_await s.ports.devices.remove(in.who.scope(), std::move(what));
        if (removed) s.ports.credentials.look_at(d->id);
    }
    co_return back(in.req);
}

} // namespace

std::vector<entry> device_entries() {
    constexpr auto k_first_contact = static_cast<via_set>(k_person | any_of(via::enrolment));
    constexpr auto k_register = rate_class::registration;
    return {
        {"POST", "/api/device-tokens", post_device, k_first_contact, k_register, true},
        {"GET", "/api/device-tokens", list_devices, k_person, rate_class::read},
        {"DELETE", "/api/device-tokens/{deviceId}", delete_device, k_person, k_register, true},
        {"POST", "/api/device-tokens/update-fcm", update_push, k_person, k_register, true},
        {"GET", "/api/voip/devices/self", get_self, k_person, rate_class::read},
        {"POST", "/device-tokens", post_business, k_person, k_register, true},
        {"DELETE", "/device-tokens", delete_business, k_person, k_register, true},
    };
}

} // namespace z360::edge::api
