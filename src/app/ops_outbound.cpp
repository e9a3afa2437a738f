// SPDX-License-Identifier: LicenseRef-z360-proprietary
// By which rules an organisation's people call out.
#include "app/ops_support.hpp"
#include "app/values.hpp"

#include <utility>

namespace z360::app {
namespace {

using nlohmann::json;
using port::tenant_scope;

const tenant_scope k_all = tenant_scope::all();

// What was not given stays; an empty value goes back to what holds without rules.
void overlay(port::outbound_rules& r, const command_arguments& a) {
    const auto figure = [](std::optional<int>& to, const std::optional<std::string>& from) {
        if (!from) return;
        to.reset();
        if (const auto n = as_number(*from)) to = static_cast<int>(*n);
    };
    if (a.enabled) r.enabled = *a.enabled != "off";
    if (a.premium) r.premium = *a.premium == "on";
    if (a.allow) {
        auto list = split_list(*a.allow);
        r.allowed = list.empty() ? std::nullopt : std::optional(std::move(list));
    }
    if (a.forbid) r.forbidden = split_list(*a.forbid);
    figure(r.ring_seconds, a.ring_seconds);
    figure(r.at_once, a.at_once);
    figure(r.per_minute, a.per_minute);
}

bool changes(const command_arguments& a) {
    return a.enabled || a.premium || a.allow || a.forbid || a.ring_seconds || a.at_once || a.per_minute;
}

json shown_rules(const port::outbound_rules& r) {
    const auto value = [](const auto& v) { return v ? json(*v) : json(); };
    return {
        {"enabled", r.enabled},
        {"allowed", value(r.allowed)},
        {"forbidden", r.forbidden},
        {"premium", r.premium},
        {"ring_seconds", value(r.ring_seconds)},
        {"at_once", value(r.at_once)},
        {"per_minute", value(r.per_minute)},
    };
}

std::string listed(const std::vector<std::string>& beginnings) {
    std::string out;
    for (const auto& b : beginnings)
        out += (out.empty() ? "" : ", ") + b;
    return out;
}

std::string in_words(const port::outbound_rules& r) {
    const auto figure = [](const char* name, std::optional<int> n) {
        return std::string("\n  ") + name + ": " + (n ? std::to_string(*n) : "(the server's default)");
    };
    return "calls of organisation " + std::to_string(r.org.value) +
           " to the outside: " + (r.enabled ? "on" : "off") +
           "\n  to: " + (r.allowed ? listed(*r.allowed) : "any number") +
           (r.forbidden.empty() ? "" : "\n  not to: " + listed(r.forbidden)) +
           "\n  to numbers that cost extra: " + (r.premium ? "yes" : "no") +
           figure("ring seconds", r.ring_seconds) + figure("at once", r.at_once) +
           figure("per minute, of one person", r.per_minute);
}

} // namespace

int outbound_rules(const options& o) {
    const auto& a = o.arguments;
    port::outbound_rules rules;
    {
        adapter::postgres::admin db(o.settings.database.url);
        rules.org = known_org(db, a.subject);
    }
    const auto org = rules.org;
    if (auto stored = with_tenants(o, [&](port::tenants& t) { return t.outbound_of(k_all, org); }))
        rules = std::move(*stored);
    overlay(rules, a);
    if (changes(a)) rules = accepted(with_tenants(o, [&](port::tenants& t) { return t.put(k_all, rules); }));
    print(o, {{"org", org.value}, {"rules", shown_rules(rules)}}, in_words(rules));
    return k_ok;
}

} // namespace z360::app
