// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whom the numbers of an organisation ring when: groups, and people who are rung one after the other.
#include "edge/api/client_rules.hpp"
#include "edge/api/operators.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/views.hpp"

#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_longest_key = 64;

json seconds(millis t) {
    return std::chrono::duration_cast<std::chrono::seconds>(t).count();
}

json view(const call::plan_member& m) {
    return {
        {"user_id", m.who.user.none() ? json(nullptr) : json(m.who.user.value)},
        {"number", text_or_null(m.who.number)},
        {"asked", m.who.asked},
        {"wave", m.wave},
        {"delay_seconds", seconds(m.who.after)},
        {"ring_seconds", m.who.lasts == millis{0} ? json(nullptr) : seconds(m.who.lasts)},
    };
}
json view(const port::ring_plan& p) {
    json members = json::array();
    for (const auto& m : p.rules.members)
        members.push_back(view(m));
    return {
        {"ring_plan", p.key},
        {"organization_id", p.org.value},
        {"name", text_or_null(p.name)},
        {"strategy", name(p.rules.how)},
        {"step_seconds", seconds(p.rules.step)},
        {"ring_seconds", seconds(p.rules.last)},
        {"mailbox_user_id", p.mailbox.none() ? json(nullptr) : json(p.mailbox.value)},
        {"longest_ring_seconds", seconds(call::length_of(call::waves_of(p.rules, {}, {})))},
        {"members", std::move(members)},
    };
}

problem no_plan() {
    return not_found("ring_plan_unknown", "The organisation has no such ring plan");
}

std::string key_of(const request_context& in) {
    const auto at = in.req.params.find("plan");
    return at == in.req.params.end() || at->second.size() > k_longest_key ? std::string() : at->second;
}

call::plan_member read_member(fields& all, const json& body, std::size_t i) {
    const auto at = "members[" + std::to_string(i) + "]";
    call::plan_member out;
    if (!body.is_object()) {
        all.refuse(at, "must be an object");
        return out;
    }
    fields f(body);
    if (const auto user = f.integer("user_id")) out.who.user = {*user};
    out.who.number = f.text("number", {.max = 32});
    out.who.asked = f.boolean("asked").value_or(true);
    out.wave = static_cast<std::uint32_t>(f.integer("wave", 1, call::k_most_waves).value_or(1));
    out.who.after = std::chrono::seconds{f.integer("delay_seconds", 0, 60).value_or(0)};
    out.who.lasts = std::chrono::seconds{f.integer("ring_seconds", 5, 60).value_or(0)};
    if (f.has("ring_plan"))
        f.refuse("ring_plan", "a plan has people and numbers, no plans: it would never end");
    all.refuse_those_of(f, at);
    return out;
}

void read_plan(fields& f, const json& body, port::ring_plan& p) {
    p.name = f.text("name", {.max = 100, .name = true});
    const auto how = f.word("strategy", {"all", "sequence", "waves", "hunt", "longest_idle"});
    if (const auto s = call::strategy_named(how)) p.rules.how = *s;
    if (const auto n = f.integer("step_seconds", 5, 60)) p.rules.step = std::chrono::seconds{*n};
    if (const auto n = f.integer("ring_seconds", 5, 60)) p.rules.last = std::chrono::seconds{*n};
    if (const auto n = f.integer("mailbox_user_id")) p.mailbox = {*n};
    const auto members = body.find("members");
    if (members == body.end() || !members->is_array())
        return f.refuse("members", "must be a list of members");
    if (members->size() > call::k_most_members)
        return f.refuse("members", "give at most " + std::to_string(call::k_most_members));
    for (const auto& m : *members)
        p.rules.members.push_back(read_member(f, m, p.rules.members.size()));
    if (!f.ok()) return;
    if (auto fault = call::fault_of(p.rules)) f.refuse(fault->field, std::move(fault->text));
}

awaitable<http::response> list_plans(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const auto p = read_page(in, false);
    if (p.refused) co_return respond(*p.refused);
    const auto all = co_await s.ports.tenants.plans(scope_of(in), org, p.after, p.limit);
    co_return reply_rows(all, [](const auto& v) { return view(v); }, p.limit, "ring_plan");
}

awaitable<http::response> get_plan(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const auto found = co_await s.ports.tenants.plan_of(scope_of(in), org, key_of(in));
    if (!found) co_return respond(no_plan());
    co_return success(200, view(*found));
}

awaitable<http::response> put_plan(api_context& s, request_context in) {
    port::ring_plan p;
    p.org = co_await seen_org(s, in);
    if (p.org.none()) co_return respond(no_org());
    p.key = key_of(in);
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    read_plan(f, body.value, p);
    if (!f.ok()) co_return respond(f.refusal());
    const auto out = co_await s.ports.tenants.put(scope_of(in), std::move(p));
    co_return reply_put(out, [](const auto& v) { return view(v); });
}

awaitable<http::response> delete_plan(api_context& s, request_context in) {
    const auto org = co_await seen_org(s, in);
    if (org.none()) co_return respond(no_org());
    const auto done = co_await s.ports.tenants.remove_plan(scope_of(in), org, key_of(in));
    if (done.refused) co_return respond(of_refusal(*done.refused));
    if (!done.value) co_return respond(no_plan());
    json data{{"ring_plan", key_of(in)}};
    co_return success(200, std::move(data), "Ring plan removed");
}

} // namespace

std::vector<entry> ring_plan_entries() {
    constexpr std::string_view k_one = "/api/admin/organizations/{org}/ring-plans/{plan}";
    return {
        tenant_entry("GET", "/api/admin/organizations/{org}/ring-plans", list_plans),
        tenant_entry("GET", k_one, get_plan),
        tenant_entry("PUT", k_one, put_plan),
        tenant_entry("DELETE", k_one, delete_plan),
    };
}

} // namespace z360::edge::api
