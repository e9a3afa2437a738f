// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/api/api_context.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace z360::edge::api {

std::string_view name(via v) {
    switch (v) {
    case via::nobody: return "none";
    case via::device: return "device_token";
    case via::service: return "service_token";
    case via::admin: return "admin_token";
    case via::enrolment: return "enrolment_code";
    case via::cookie: return "cookie";
    case via::ticket: return "ring_ticket";
    }
    return "?";
}

std::string_view name(rate_class c) {
    switch (c) {
    case rate_class::none: return "none";
    case rate_class::registration: return "register";
    case rate_class::credentials: return "credentials";
    case rate_class::reveal: return "reveal";
    case rate_class::poll: return "poll";
    case rate_class::read: return "read";
    case rate_class::admin: return "admin";
    }
    return "?";
}

bool principal::may(std::string_view scope) const {
    if (scope.empty()) return true;
    const auto holds = [this](std::string_view s) {
        return std::find(scopes.begin(), scopes.end(), s) != scopes.end();
    };
    if (holds(scope)) return true;
    if (!scopes.empty()) return false;
    // A token without scopes: an admin's may everything, a backend's may act for people and no more.
    return by == via::admin || (by == via::service && (scope == "act" || scope == "handoff"));
}

port::tenant_scope principal::scope() const {
    // Held to one call of one organisation by misused() and view_of(). In the scope of a token that is bound
    // to that organisation a device that is bound to none would not exist, and most phones are such.
    if (by == via::ticket) return port::tenant_scope::of(user);
    if (!user.none()) return port::tenant_scope::of(user, bound_to);
    if (!bound_to.none()) return port::tenant_scope::of(bound_to);
    if (by == via::admin || by == via::service) return port::tenant_scope::all();
    return {};
}

std::size_t read_limit(const request_context& in, fields& f) {
    constexpr std::size_t k_usual = 50;
    constexpr std::int64_t k_most = 200;
    const auto text = in.query("limit");
    if (!text) return k_usual;
    const auto n = whole_number(*text, 1, k_most);
    if (!n) f.refuse("limit", "must be a whole number from 1 to 200");
    return n ? static_cast<std::size_t>(*n) : k_usual;
}

std::string request_context::param(std::string_view name) const {
    const auto it = req.params.find(name);
    return it == req.params.end() ? std::string{} : it->second;
}

api_context::api_context(api_ports p) : ports(p), rules(p.settings) {
    try {
        proxies = address_list(p.settings.http.trusted_proxies);
    } catch (const std::runtime_error& e) {
        throw std::runtime_error(std::string("http.trusted_proxies: ") + e.what());
    }
}

awaitable<void> audit(
    api_context& s, principal who, std::string address, std::string action, device_id device,
    std::string detail
) {
    port::audit_line line;
    switch (who.by) {
    case via::device: line.actor = "device"; break;
    case via::service: line.actor = "service"; break;
    case via::admin: line.actor = "admin"; break;
    case via::cookie: line.actor = "cookie"; break;
    case via::ticket: line.actor = "device"; break;
    case via::enrolment: line.actor = "enrolment"; break;
    case via::nobody: line.actor = "nobody"; break;
    }
    line.token = who.token.value;
    line.user = who.user;
    line.org = who.bound_to.none() ? who.org : who.bound_to;
    line.device = device;
    line.action = std::move(action);
    line.detail = std::move(detail);
    line.remote_address = std::move(address);
    line.at = s.now();
    co_await s.ports.audit.append(std::move(line));
}

void look_at(api_context& s, const std::vector<device_id>& devices) {
    for (const auto d : devices)
        s.ports.credentials.look_at(d);
}

} // namespace z360::edge::api
