// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The stored fields of events, beside those of a call's state: one line each, or it does not compile.
#pragma once

#include "wire/state_fields.hpp"

#include <z360/call/event.hpp>

namespace z360::wire {

template <class V, some<call::leg_ref> T>
constexpr void fields(V& v, T& x) {
    v("call_control_id", x.call_control_id);
    v("leg", x.leg);
}
template <class V, some<call::incoming> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("call_control_id", x.call_control_id);
    v("call_session_id", x.call_session_id);
    v("from", x.from);
    v("from_sent", x.from_sent);
    v("to_sent", x.to_sent);
    v("routed", x.routed);
    v("waiting_since", x.waiting_since);
}
template <class V, some<call::media_figures> T>
constexpr void fields(V& v, T& x) {
    v("mos", x.mos);
    v("jitter", x.jitter);
    v("packets_in", x.packets_in);
    v("packets_out", x.packets_out);
    v("skipped_in", x.skipped_in);
    v("skipped_out", x.skipped_out);
}
template <class V, some<call::charge_part> T>
constexpr void fields(V& v, T& x) {
    v("what", x.what);
    v("cost", x.cost);
    v("rate", x.rate);
    v("currency", x.currency);
    v("billed_secs", x.billed_secs);
}
template <class V, some<call::charge> T>
constexpr void fields(V& v, T& x) {
    v("total", x.total);
    v("currency", x.currency);
    v("failed", x.failed);
    v("billed_secs", x.billed_secs);
    v("parts", x.parts);
    v("at", x.at);
}
template <class V, some<call::leg_initiated> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
}
template <class V, some<call::leg_answered> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
}
template <class V, some<call::leg_bridged> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
}
template <class V, some<call::leg_hangup> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("cause", x.cause);
    v("heard", x.heard);
}
template <class V, some<call::leg_hold> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("held", x.held);
    v("at", x.at);
}
template <class V, some<call::prompt_ended> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("listener_left", x.listener_left);
    v("spoken", x.spoken);
    v("at", x.at);
    v("command_id", x.command_id);
    v("failed", x.failed);
    v("report", x.report);
    v("audio", x.audio);
}
template <class V, some<call::digits_gathered> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("digits", x.digits);
}
template <class V, some<call::recording_saved> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("recording_id", x.recording_id);
    v("url", x.url);
    v("format", x.format);
    v("began_at", x.began_at);
    v("ended_at", x.ended_at);
}
template <class V, some<call::recording_failed> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("reason", x.reason);
    v("at", x.at);
}
template <class V, some<call::leg_charged> T>
constexpr void fields(V& v, T& x) {
    v("who", x.who);
    v("what", x.what);
}
template <class V, some<call::command_outcome> T>
constexpr void fields(V& v, T& x) {
    v("command_id", x.command_id);
    v("what", x.what);
    v("who", x.who);
    v("result", x.result);
    v("error_code", x.error_code);
    v("error_title", x.error_title);
    v("attempts", x.attempts);
    v("recording_id", x.recording_id);
}
template <class V, some<call::push_outcome> T>
constexpr void fields(V& v, T& x) {
    v("effect_id", x.effect_id);
    v("what", x.what);
    v("device", x.device);
    v("ring", x.ring);
    v("result", x.result);
    v("sent", x.sent);
    v("by", x.by);
    v("code", x.code);
    v("attempts", x.attempts);
}
template <class V, some<call::test_outcome> T>
constexpr void fields(V& v, T& x) {
    v("effect_id", x.effect_id);
    v("result", x.result);
    v("answer", x.answer);
    v("attempts", x.attempts);
}
template <class V, some<call::ring_withdrawn> T>
constexpr void fields(V& v, T& x) {
    v("devices", x.devices);
    v("busy", x.busy);
}
template <class V, some<call::push_received> T>
constexpr void fields(V& v, T& x) {
    v("device", x.device);
    v("ready", x.ready);
}
template <class V, some<call::device_asks> T>
constexpr void fields(V& v, T& x) {
    v("what", x.what);
    v("id", x.id);
    v("device", x.device);
    v("until", x.until);
    v("at", x.at);
}
template <class V, some<call::carrier_told> T>
constexpr void fields(V& v, T& x) {
    v("round", x.round);
    v("answered", x.answered);
}
template <class V, some<call::tick> T>
constexpr void fields(V&, T&) {}

namespace detail {

template <class... E>
consteval bool all_complete(const std::variant<E...>*) {
    return (complete<E>() && ...);
}

} // namespace detail

static_assert(detail::complete<call::leg_ref>());
static_assert(
    detail::complete<call::media_figures>() && detail::complete<call::charge_part>() &&
    detail::complete<call::charge>()
);
static_assert(detail::all_complete(static_cast<const call::event*>(nullptr)));

} // namespace z360::wire
