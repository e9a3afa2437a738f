// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a device asks of a call that is going on. Each is one event of that call: judged once, answered with
// what it led to.
#include "edge/api/idempotency.hpp"
#include "edge/api/route_tables.hpp"
#include "edge/api/tickets.hpp"
#include "edge/api/views.hpp"

#include <z360/call/view.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace z360::edge::api {
namespace {

constexpr std::string_view k_counted = "call_requests_total";
constexpr std::string_view k_undecided = "undecided";
constexpr std::string_view k_unknown = "call_unknown";

/// What has a route, by its name there: a device is told of nothing else that it may ask.
struct offer {
    call::request_kind what;
    std::string_view route;
};
constexpr std::array k_offered{
    offer{call::request_kind::decline, "decline"},
    offer{call::request_kind::answered, "answered"},
    offer{call::request_kind::ring, "reinvite"},
    offer{call::request_kind::pause_recording, "recording/pause"},
    offer{call::request_kind::resume_recording, "recording/resume"},
    offer{call::request_kind::give_up_media, "media-failed"}
};

/// Keys of different devices, calls and kinds never meet. Without a key each request is one of its own.
std::string
id_of(const request_context& in, const call::state& s, call::request_kind what, const std::string& key) {
    const auto own = key.empty() ? "at " + std::to_string(in.now.time_since_epoch().count()) : "key " + key;
    const auto whole = std::to_string(in.who.device.value) + " " + s.id.text() + " " +
                       std::string(call::name(what)) + " " + own;
    return "request-" + derive_uuid(whole).text();
}

/// Words that apps know from elsewhere come before those of the refusal.
problem refused_as(const call::view& v, call::refusal why) {
    problem p;
    p.status = 409;
    switch (why) {
    case call::refusal::late:
        p.code = "request_late";
        p.title = "It could not be decided in time and was not carried out";
        break;
    case call::refusal::call_over:
        p.code = "call_ended";
        p.title = "The call is over";
        break;
    case call::refusal::in_the_talk:
        p.code = "already_answered";
        p.title = "This device has answered the call already";
        break;
    case call::refusal::not_ringing:
        p.code = "not_ringing";
        p.title = "The call does not ring any more";
        break;
    case call::refusal::may_not_ring:
        p.code = "device_may_not_ring";
        p.title = "This call may not ring this device";
        break;
    case call::refusal::let_in_before:
        p.code = "reinvited_before";
        p.title = "This device was rung once more in this ring already";
        break;
    case call::refusal::not_talking:
        p.code = "not_in_the_talk";
        p.title = "This device does not talk to the caller";
        break;
    case call::refusal::not_recorded:
        p.code = "not_recorded";
        p.title = "This talk is not recorded";
        break;
    case call::refusal::recording_fixed:
        p.code = "recording_mandatory";
        p.title = "The organisation does not let anybody pause the recording";
        break;
    case call::refusal::media_may_come:
        p.code = "media_may_come";
        p.title = "The talk is younger than 15 seconds: its sound may still come";
        break;
    case call::refusal::not_rung:
        p.code = "device_not_rung";
        p.title = "This call does not ring this device";
        break;
    case call::refusal::leg_over:
    case call::refusal::rings_already: // is what was asked for
    case call::refusal::none:
        p.code = "device_leg_over";
        p.title = "This call does not ring this device any more";
        break;
    }
    if (why != call::refusal::late && v.answered_elsewhere) {
        p.code = "answered_elsewhere";
        p.title = "Another device has answered the call";
    }
    return p;
}

/// Of what the device may ask of the call now, what it can ask.
json offered(const call::view& v) {
    json out = json::array();
    for (const auto& [what, route] : k_offered)
        if (std::find(v.allowed.begin(), v.allowed.end(), what) != v.allowed.end()) out.push_back(route);
    return out;
}

std::string_view result_of(const engine::submission& s) {
    switch (s.went) {
    case engine::submission::how::judged: return call::name(s.verdict.why);
    case engine::submission::how::unknown: return k_unknown;
    case engine::submission::how::undecided:
    case engine::submission::how::other: break;
    }
    return k_undecided;
}

/// The call as the request has left it, with the labels of a row that is not older.
http::response
answered_with(const port::call_view& row, const call::viewer& who, const call::verdict& verdict) {
    const auto v = view_of(row.state, who);
    if (!v) return respond(call_unknown());
    auto shown = wire::call_json(*v, labels_of(row));
    // Asked again while it rings there: that is what it asked for.
    const bool has_it =
        verdict.what == call::request_kind::ring && verdict.why == call::refusal::rings_already;
    if (verdict.why == call::refusal::none || has_it) return success(200, std::move(shown));
    auto p = refused_as(*v, verdict.why);
    p.more = {{"call", std::move(shown)}, {"allowed", offered(*v)}};
    return respond(p);
}

call::viewer device_of(const principal& who) {
    return {call::viewer::as::device, who.user, who.bound_to, who.device};
}

/// Of a call that the device may see.
awaitable<http::response> decide_about(
    api_context& s, request_context in, call::request_kind what, std::string key, port::call_view row
);

awaitable<http::response> ask_of_call(api_context& s, request_context in, call::request_kind what) {
    auto key = idempotency_key(in.req);
    if (key.refused) co_return respond(*key.refused);
    auto row = co_await s.ports.calls.find(in.who.scope(), in.param("id"));
    if (const auto no = misused(s, in.who, in.param("id"), row ? &row->state : nullptr, whole_call::no))
        co_return respond(*no);
    if (!row || !view_of(row->state, device_of(in.who))) co_return respond(call_unknown());
    co_return co_await decide_about(s, std::move(in), what, std::move(key.text), std::move(*row));
}

awaitable<http::response> decide_about(
    api_context& s, request_context in, call::request_kind what, std::string key, port::call_view found
) {
    if (!s.ports.requests) co_return respond(unavailable_now());
    const auto scope = in.who.scope();
    const auto who = device_of(in.who);
    auto row = std::optional(std::move(found));
    engine::request r;
    r.id = id_of(in, row->state, what, key);
    r.what = what;
    r.device = in.who.device;
    r.call = row->state.id;
    r.call_session_id = row->state.origin.call_session_id;
    const auto out = co_await s.ports.requests(std::move(r));
    s.ports.metrics.count(k_counted, {{"what", call::name(what)}, {"result", result_of(out)}});
    if (out.went == engine::submission::how::unknown) co_return respond(call_unknown());
    if (out.went == engine::submission::how::other || !out.call)
        co_return respond(unavailable_now("request_undecided", 1));
    auto now = co_await s.ports.calls.find(scope, row->state.id.text());
    if (now && now->version >= out.call->version) {
        row = std::move(now);
    } else {
        row->state = out.call->state;
        row->version = out.call->version;
    }
    co_return answered_with(*row, who, out.verdict);
}

awaitable<http::response> post_decline(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::decline);
}
awaitable<http::response> post_answered(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::answered);
}
awaitable<http::response> post_reinvite(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::ring);
}

awaitable<http::response> post_pause(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::pause_recording);
}
awaitable<http::response> post_resume(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::resume_recording);
}

/// `ts`: milliseconds since 1970, by the phone's clock.
port::push_receipt receipt_of(
    const request_context& in, const call::state& s, std::string_view state, std::optional<std::int64_t> ts
) {
    port::push_receipt r;
    r.call = s.id;
    r.org = s.routed.org;
    r.device = in.who.device;
    r.ring = in.who.ticket ? in.who.ticket->ring : static_cast<std::uint32_t>(s.rings.size());
    r.state = port::push_state_named(state).value_or(port::push_state::received);
    r.at = in.now;
    if (ts) r.phone_at = time_point{millis{*ts}};
    return r;
}

/// It is ready to be rung, and is not: its leg failed while it slept.
bool wants_in(const std::string& state, const call::view& v) {
    return state == "ready" &&
           std::find(v.allowed.begin(), v.allowed.end(), call::request_kind::ring) != v.allowed.end();
}

// What a phone says of a push; the reply is the truth about the call.
awaitable<http::response> post_push_ack(api_context& s, request_context in) {
    auto body = read_object(in.req.body);
    if (body.refused) co_return respond(*body.refused);
    fields f(body.value);
    const auto id = f.text("call_uuid", {.required = true, .max = 256});
    const auto uid = f.text("device_id", {.max = 256});
    const auto state = f.word("state", {"received", "ready", "ringing", "answering", "dismissed"}, true);
    const auto ts = f.integer("ts", 0);
    if (!f.ok()) co_return respond(f.refusal());
    auto row = co_await s.ports.calls.find(in.who.scope(), id);
    if (const auto no = misused(s, in.who, id, row ? &row->state : nullptr, whole_call::yes))
        co_return respond(*no);
    std::optional<call::view> v;
    if (row) v = view_of(row->state, device_of(in.who));
    if (!v) co_return respond(call_unknown());
    if (const auto no = of_another_device(s, in.who, uid, *row)) co_return respond(*no);
    s.ports.metrics.count("push_acks_total", {{"state", state}});
    if (s.ports.push_receipt) s.ports.push_receipt(receipt_of(in, row->state, state, ts), !over(row->state));
    if (wants_in(state, *v) && !misused(s, in.who, id, &row->state, whole_call::no))
        co_return co_await decide_about(s, std::move(in), call::request_kind::ring, {}, std::move(*row));
    co_return success(200, wire::call_json(*v, labels_of(*row)));
}

} // namespace

awaitable<http::response> end_without_media(api_context& s, request_context in) {
    return ask_of_call(s, std::move(in), call::request_kind::give_up_media);
}

void count_requests_from_zero(port::metrics& metrics) {
    for (const auto& [what, route] : k_offered)
        for (const auto result : {call::name(call::refusal::late), k_undecided})
            metrics.count(k_counted, {{"what", call::name(what)}, {"result", result}}, 0);
}

std::vector<entry> request_entries() {
    constexpr auto k_device = any_of(via::device);
    constexpr auto k_woken = any_of(via::device, via::ticket);
    // Not with the polls: who polls too much can still decline.
    std::vector<entry> out{
        {"POST", "/api/voip/calls/{id}/decline", post_decline, k_woken, rate_class::read, true},
        {"POST", "/api/voip/calls/{id}/answered", post_answered, k_device, rate_class::read, true},
        {"POST", "/api/voip/calls/{id}/reinvite", post_reinvite, k_woken, rate_class::read, true},
        {"POST", "/api/voip/calls/{id}/recording/pause", post_pause, k_device, rate_class::read, true},
        {"POST", "/api/voip/calls/{id}/recording/resume", post_resume, k_device, rate_class::read, true},
        {"POST", "/api/voip/push-ack", post_push_ack, k_woken, rate_class::poll, true},
    };
    for (auto& e : out)
        e.in_call = true;
    return out;
}

} // namespace z360::edge::api
