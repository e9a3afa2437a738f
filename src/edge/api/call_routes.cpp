// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What clients ask about calls: cheap, repeatable, without any effect.
#include "edge/api/client_config.hpp"
#include "edge/api/logins.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/state_model.hpp"
#include "edge/api/tickets.hpp"
#include "edge/api/views.hpp"

#include <algorithm>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::size_t k_recent = 10;

/// The device that asks; cookies and backends may name one of the person's. None: the person asks.
struct asking_device {
    device_id id;
    std::optional<problem> refused;
};
awaitable<asking_device> who_asks(api_context& s, request_context in) {
    asking_device out;
    out.id = in.who.device;
    if (in.who.by == via::ticket) co_return out; // it names no other
    auto uid = in.query("device_id").value_or(std::string(in.req.headers.get("X-Z360-Device")));
    if (uid.empty() || (in.who.by == via::device && uid == in.who.device_uid)) co_return out;
    auto found = co_await device_of(s, std::move(in), std::move(uid));
    out.refused = std::move(found.refused);
    if (found.device) out.id = found.device->id;
    co_return out;
}

/// As one of the person's devices sees calls; without a device, as the person does.
call::viewer viewer_of(const principal& who, device_id asking) {
    call::viewer v;
    v.who = asking.none() ? call::viewer::as::person : call::viewer::as::device;
    v.user = who.user;
    v.org = who.bound_to;
    v.device = asking;
    return v;
}

json calls_json(const std::vector<port::call_view>& calls, const call::viewer& who) {
    json out = json::array();
    for (const auto& c : calls)
        if (const auto v = view_of(c.state, who)) out.push_back(wire::call_json(*v, labels_of(c)));
    return out;
}

/// The device has a leg in it that rings or talks; of a person, every call does.
bool concerns(const call::view& v, const call::viewer& who) {
    if (who.who != call::viewer::as::device) return true;
    return v.mine && v.mine->alive && !v.answered_elsewhere;
}

struct snapshot {
    json active = nullptr;
    json all = json::array();
    json recent = json::array();
};
awaitable<snapshot> take_snapshot(api_context& s, principal who, device_id asking) {
    snapshot out;
    auto live = co_await s.ports.calls.live(who.scope());
    auto newest = co_await s.ports.calls.newest(who.scope(), k_recent);
    std::erase_if(newest, [](const auto& c) { return !over(c.state); });
    const auto as = viewer_of(who, asking);
    out.all = calls_json(live, as);
    out.recent = calls_json(newest, as);
    for (const auto& c : live) {
        const auto v = view_of(c.state, as);
        if (!v || !concerns(*v, as)) continue;
        out.active = wire::call_json(*v, labels_of(c));
        break;
    }
    co_return out;
}

awaitable<http::response> get_status(api_context& s, request_context in) {
    const auto asking = co_await who_asks(s, in);
    if (asking.refused) co_return respond(*asking.refused);
    const auto found = co_await s.ports.calls.find(in.who.scope(), in.param("id"));
    if (const auto no = misused(s, in.who, in.param("id"), found ? &found->state : nullptr, whole_call::yes))
        co_return respond(*no);
    std::optional<call::view> v;
    if (found) v = view_of(found->state, viewer_of(in.who, asking.id));
    if (!v) co_return respond(call_unknown());
    co_return success(200, wire::call_json(*v, labels_of(*found)));
}

awaitable<http::response> get_active(api_context& s, request_context in) {
    const auto asking = co_await who_asks(s, in);
    if (asking.refused) co_return respond(*asking.refused);
    auto now = co_await take_snapshot(s, in.who, asking.id);
    json data{
        {"active_call", std::move(now.active)},
        {"active_calls", std::move(now.all)},
        {"recent_calls", std::move(now.recent)},
    };
    co_return success(200, std::move(data));
}

awaitable<http::response> get_calls(api_context& s, request_context in) {
    fields f(json::object());
    const auto limit = read_limit(in, f);
    std::optional<std::int64_t> since;
    if (const auto text = in.query("since")) {
        since = whole_number(*text, 0);
        if (!since) f.refuse("since", "must be a position from an earlier reply, or 0");
    }
    if (!f.ok()) co_return respond(f.refusal());
    const auto asking = co_await who_asks(s, in);
    if (asking.refused) co_return respond(*asking.refused);
    std::vector<port::call_view> calls;
    if (since)
        calls = co_await s.ports.calls.changed(in.who.scope(), static_cast<std::uint64_t>(*since), limit);
    else
        calls = co_await s.ports.calls.newest(in.who.scope(), limit);
    const bool full = calls.size() == limit;
    // The newest of these, also where it lies before `since`: that was another database server's.
    std::uint64_t next = 0;
    for (const auto& c : calls)
        next = std::max(next, c.position);
    if (calls.empty()) next = static_cast<std::uint64_t>(since.value_or(0));
    json meta{{"next", next}, {"more", since.has_value() && full}};
    co_return success(200, calls_json(calls, viewer_of(in.who, asking.id)), {}, std::move(meta));
}

awaitable<http::response> get_bootstrap(api_context& s, request_context in) {
    const auto wanted = in.query("device_id").value_or(std::string{});
    const auto found = co_await device_of(s, in, wanted);
    if (found.refused) co_return respond(*found.refused);
    const auto& d = *found.device;
    const auto orgs = co_await organisations_of(s, in.who);
    auto now = co_await take_snapshot(s, in.who, d.id);
    json organizations = json::array();
    for (const auto& o : orgs)
        organizations.push_back(organization_json(o));
    json data{
        {"server_time", iso8601(in.now)},
        {"device", device_json(d)},
        {"organizations", std::move(organizations)},
        {"client_config", client_config(s, in.base, d, in.now)},
        {"push_state", d.push_state},
        {"push_token_required", push_token_required(d)},
        {"prompts", prompts_json(d)},
        {"snapshot",
         {{"active_call", std::move(now.active)},
          {"active_calls", std::move(now.all)},
          {"recent_calls", std::move(now.recent)}}},
    };
    co_return success(200, std::move(data));
}

awaitable<http::response> get_model(api_context&, request_context) {
    auto r = success(200, state_model());
    r.headers.set("Cache-Control", "public, max-age=3600");
    co_return r;
}

awaitable<http::response> get_health(api_context&, request_context) {
    co_return http::response::text(200, "ok");
}

} // namespace

std::vector<entry> call_entries() {
    constexpr auto k_poll = rate_class::poll;
    std::vector<entry> out{
        {"GET", "/api/voip/call-status/{id}", get_status,
         static_cast<via_set>(k_person | any_of(via::ticket)), k_poll},
        {"GET", "/api/voip/my-active-call", get_active, k_person, k_poll},
        {"GET", "/api/voip/calls", get_calls, k_person, rate_class::read},
        {"GET", "/api/voip/bootstrap", get_bootstrap, k_person, rate_class::read},
        {"GET", "/api/voip/state-model", get_model, any_of(via::nobody), rate_class::none},
        {"GET", "/api/health", get_health, any_of(via::nobody), rate_class::none},
    };
    out[0].in_call = out[1].in_call = true;
    out.back().raw = true;
    return out;
}

} // namespace z360::edge::api
