// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The one list of stored fields. Whoever adds a field to a struct of the core adds one line here; forgetting
// it does not compile (`complete`).
#pragma once

#include <z360/call/effect.hpp>
#include <z360/call/state.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace z360::wire {

template <class T, class Of>
concept some = std::same_as<std::remove_const_t<T>, Of>; ///< Of or const Of: one list for both directions

namespace detail {

struct anything {
    template <class T>
    operator T&() const noexcept; // NOLINT: only named, never called
};
template <std::size_t>
using anything_at = anything;
template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
    return requires { T{anything_at<I>{}...}; };
}
/// Number of fields of an aggregate.
template <class T, std::size_t N = 0>
constexpr std::size_t arity() {
    if constexpr (!takes<T>(std::make_index_sequence<N + 1>{}) && takes<T>(std::make_index_sequence<N>{}))
        return N;
    else
        return arity<T, N + 1>();
}

} // namespace detail

/// In this namespace, so that lists which are written after it are found by it.
struct field_counter {
    std::size_t n = 0;
    template <class T>
    constexpr void operator()(const char*, T&) {
        ++n;
    }
};

template <class V, some<call::target> T>
constexpr void fields(V& v, T& x) {
    v("device", x.device);
    v("identity", x.identity);
    v("sip_username", x.sip_username);
    v("device_name", x.device_name);
    v("platform", x.platform);
    v("user", x.user);
    v("left_out", x.left_out);
}
template <class V, some<call::branch> T>
constexpr void fields(V& v, T& x) {
    v("user", x.user);
    v("number", x.number);
    v("asked", x.asked);
    v("after", x.after);
    v("lasts", x.lasts);
    v("agent", x.agent);
}
template <class V, some<call::wave> T>
constexpr void fields(V& v, T& x) {
    v("lasts", x.lasts);
    v("branches", x.branches);
}
template <class V, some<call::policy> T>
constexpr void fields(V& v, T& x) {
    v("ring_time", x.ring_time);
    v("bridge_limit", x.bridge_limit);
    v("resume_minimum", x.resume_minimum);
    v("answer_limit", x.answer_limit);
    v("voicemail_max", x.voicemail_max);
    v("voicemail_greeting", x.voicemail_greeting);
    v("voicemail_greeting_url", x.voicemail_greeting_url);
    v("voicemail_beep", x.voicemail_beep);
    v("transcribe_messages", x.transcribe_messages);
    v("takes_messages", x.takes_messages);
    v("unavailable_message", x.unavailable_message);
    v("hold_prompt", x.hold_prompt);
    v("voice", x.voice);
    v("ringback_url", x.ringback_url);
    v("record_calls", x.record_calls);
    v("recording_mandatory", x.recording_mandatory);
    v("recorded_by_number", x.recorded_by_number);
    v("ends_unrecorded", x.ends_unrecorded);
    v("unrecorded_message", x.unrecorded_message);
    v("recording_announcement", x.recording_announcement);
    v("wake_by_push", x.wake_by_push);
    v("mobile_after", x.mobile_after);
    v("mobile_prompt", x.mobile_prompt);
}
template <class V, some<call::route> T>
constexpr void fields(V& v, T& x) {
    v("verdict", x.verdict);
    v("cause", x.cause);
    v("org", x.org);
    v("user", x.user);
    v("number", x.number);
    v("number_e164", x.number_e164);
    v("caller_name", x.caller_name);
    v("targets", x.targets);
    v("plan", x.plan);
    v("mobile", x.mobile);
    v("mobile_left_out", x.mobile_left_out);
    v("left_out", x.left_out);
    v("rules", x.rules);
    v("instead", x.instead);
    v("when_closed", x.when_closed);
}
template <class V, some<call::leg> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("role", x.role);
    v("to", x.to);
    v("ring", x.ring);
    v("dial", x.dial);
    v("call_control_id", x.call_control_id);
    v("initiated", x.initiated);
    v("answered", x.answered);
    v("answer_order", x.answer_order);
    v("bridged", x.bridged);
    v("ended", x.ended);
    v("hangup_cause", x.hangup_cause);
    v("hold", x.hold);
    v("withdrawn", x.withdrawn);
    v("release", x.release);
    v("hangup_sent", x.hangup_sent);
    v("hung_up", x.hung_up);
    v("spared", x.spared);
    v("expired", x.expired);
    v("asked", x.asked);
    v("cleared", x.cleared);
    v("declined", x.declined);
    v("word_due", x.word_due);
    v("words_asked", x.words_asked);
    v("late", x.late);
    v("to_dial", x.to_dial);
    v("prompted", x.prompted);
    v("confirmed", x.confirmed);
    v("wave", x.wave);
    v("due", x.due);
    v("until", x.until);
    v("stopped", x.stopped);
    v("unasked", x.unasked);
}
template <class V, some<call::ring> T>
constexpr void fields(V& v, T& x) {
    v("began", x.began);
    v("deadline", x.deadline);
    v("over", x.over);
    v("over_at", x.over_at);
    v("wave", x.wave);
    v("next_wave", x.next_wave);
}
template <class V, some<call::e164> T>
constexpr void fields(V& v, T& x) {
    v("number", x.number);
}
template <class V, some<call::sip_uri> T>
constexpr void fields(V& v, T& x) {
    v("uri", x.uri);
}
template <class V, some<call::unnamed> T>
constexpr void fields(V& v, T& x) {
    v("shown", x.shown);
}
template <class V, some<call::call_origin> T>
constexpr void fields(V& v, T& x) {
    v("call_session_id", x.call_session_id);
    v("number_sent", x.number_sent);
    v("dialed_sent", x.dialed_sent);
}
template <class V, some<call::notice> T>
constexpr void fields(V& v, T& x) {
    v("device", x.device);
    v("ring", x.ring);
    v("rounds", x.rounds);
    v("known", x.known);
    v("sent", x.sent);
    v("repeatable", x.repeatable);
    v("acknowledged", x.acknowledged);
    v("ready", x.ready);
    v("again_at", x.again_at);
    v("ended", x.ended);
    v("missed", x.missed);
}
template <class V, some<call::duplicate_leg> T>
constexpr void fields(V& v, T& x) {
    v("call_control_id", x.call_control_id);
    v("leg", x.leg);
    v("ended", x.ended);
    v("hangup_sent", x.hangup_sent);
}
template <class V, some<call::join> T>
constexpr void fields(V& v, T& x) {
    v("epoch", x.epoch);
    v("a", x.a);
    v("b", x.b);
    v("commanded", x.commanded);
    v("accepted", x.accepted);
    v("refused", x.refused);
    v("peer_gone", x.peer_gone);
    v("untried", x.untried);
    v("joined_at", x.joined_at);
    v("over", x.over);
    v("over_at", x.over_at);
    v("limit", x.limit);
    v("quiet_from", x.quiet_from);
    v("asked", x.asked);
    v("proof_round", x.proof_round);
}
template <class V, some<call::hold_mark> T>
constexpr void fields(V& v, T& x) {
    v("held", x.held);
    v("at", x.at);
}
template <class V, some<call::recording> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("url", x.url);
    v("purpose", x.purpose);
    v("format", x.format);
    v("began_at", x.began_at);
    v("ended_at", x.ended_at);
}
template <class V, some<call::recording_fault> T>
constexpr void fields(V& v, T& x) {
    v("leg", x.leg);
    v("at", x.at);
}
template <class V, some<call::recording_order> T>
constexpr void fields(V& v, T& x) {
    v("command_id", x.command_id);
    v("recording_id", x.recording_id);
    v("failed", x.failed);
}
template <class V, some<call::talk_recorder> T>
constexpr void fields(V& v, T& x) {
    v("faults", x.faults);
    v("told", x.told);
    v("orders", x.orders);
    v("look_at", x.look_at);
    v("looks", x.looks);
    v("look_round", x.look_round);
    v("looked", x.looked);
    v("unavailable", x.unavailable);
    v("ends_at", x.ends_at);
    v("announced", x.announced);
    v("pause_wanted", x.pause_wanted);
    v("paused", x.paused);
    v("turns", x.turns);
    v("turn_open", x.turn_open);
    v("doubtful", x.doubtful);
    v("quiet_from", x.quiet_from);
}
template <class V, some<call::verdict> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("what", x.what);
    v("why", x.why);
    v("at", x.at);
    v("device", x.device);
}
template <class V, some<call::prompt> T>
constexpr void fields(V& v, T& x) {
    v("number", x.number);
    v("spoken", x.spoken);
    v("refused", x.refused);
    v("expired", x.expired);
    v("over", x.over);
    v("limit", x.limit);
    v("elsewhere", x.elsewhere);
}
template <class V, some<call::prompt_end> T>
constexpr void fields(V& v, T& x) {
    v("spoken", x.spoken);
    v("at", x.at);
    v("listener_left", x.listener_left);
    v("command_id", x.command_id);
    v("failed", x.failed);
    v("report", x.report);
    v("greeting", x.greeting);
}
template <class V, some<call::voicemail_box> T>
constexpr void fields(V& v, T& x) {
    v("step", x.step);
    v("limit", x.limit);
    v("failed", x.failed);
}
template <class V, some<call::state> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("routed", x.routed);
    v("origin", x.origin);
    v("caller", x.caller);
    v("reason", x.reason);
    v("rings", x.rings);
    v("legs", x.legs);
    v("notices", x.notices);
    v("twins", x.duplicates);
    v("answers", x.answers);
    v("epoch", x.epoch);
    v("joins", x.joins);
    v("asked", x.asked);
    v("told", x.told);
    v("prompts", x.prompts);
    v("prompt_ends", x.prompt_ends);
    v("voicemail", x.voicemail);
    v("recordings", x.recordings);
    v("recorder", x.recorder);
    v("verdicts", x.verdicts);
    v("began", x.began);
    v("answered_at", x.answered_at);
    v("ended_at", x.ended_at);
}

template <class V, some<call::dial_body> T>
constexpr void fields(V& v, T& x) {
    v("leg", x.leg);
    v("sip_username", x.sip_username);
    v("number", x.number);
    v("agent", x.agent);
    v("from", x.from);
    v("display_name", x.display_name);
    v("link_to", x.link_to);
    v("timeout_secs", x.timeout_secs);
    v("org", x.org);
    v("call", x.call);
}
template <class V, some<call::answer_body> T>
constexpr void fields(V&, T&) {}
template <class V, some<call::bridge_body> T>
constexpr void fields(V& v, T& x) {
    v("caller_control_id", x.caller_control_id);
    v("record", x.record);
    v("recording_name", x.recording_name);
}
template <class V, some<call::hangup_body> T>
constexpr void fields(V& v, T& x) {
    v("why", x.why);
}
template <class V, some<call::reject_body> T>
constexpr void fields(V&, T&) {}
template <class V, some<call::speak_body> T>
constexpr void fields(V& v, T& x) {
    v("text", x.text);
    v("voice", x.voice);
}
template <class V, some<call::playback_start_body> T>
constexpr void fields(V& v, T& x) {
    v("url", x.url);
    v("loop", x.loop);
    v("instead", x.instead);
}
template <class V, some<call::playback_stop_body> T>
constexpr void fields(V&, T&) {}
template <class V, some<call::record_start_body> T>
constexpr void fields(V& v, T& x) {
    v("max_length_secs", x.max_length_secs);
    v("name", x.name);
    v("beep", x.beep);
    v("transcribe", x.transcribe);
    v("dual", x.dual);
}
template <class V, some<call::record_pause_body> T>
constexpr void fields(V& v, T& x) {
    v("recording_id", x.recording_id);
}
template <class V, some<call::record_resume_body> T>
constexpr void fields(V& v, T& x) {
    v("recording_id", x.recording_id);
}
template <class V, some<call::gather_using_speak_body> T>
constexpr void fields(V& v, T& x) {
    v("text", x.text);
    v("voice", x.voice);
    v("keys", x.keys);
    v("tries", x.tries);
    v("timeout_ms", x.timeout_ms);
}
/// What every effect has; its body's fields stand beside these.
template <class V, some<call::effect> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("issued_at", x.issued_at);
    v("deadline", x.deadline);
}
template <class V, some<call::predecessor> T>
constexpr void fields(V& v, T& x) {
    v("id", x.id);
    v("allowed", x.allowed);
}
/// The verb's body is stored beside these under its name.
template <class V, some<call::carrier_command> T>
constexpr void fields(V& v, T& x) {
    v("call", x.call);
    v("org", x.org);
    v("call_control_id", x.call_control_id);
    v("leg", x.leg);
}
template <class V, some<call::push_notice> T>
constexpr void fields(V& v, T& x) {
    v("call", x.call);
    v("org", x.org);
    v("user", x.user);
    v("device", x.device);
    v("what", x.what);
    v("ring", x.ring);
    v("round", x.round);
    v("why", x.why);
    v("winner", x.winner);
    v("began", x.began);
    v("ring_until", x.ring_until);
    v("session", x.session);
    v("caller_control_id", x.caller_control_id);
    v("caller_number", x.caller_number);
    v("caller_name", x.caller_name);
    v("number", x.number);
}
template <class V, some<call::test_effect> T>
constexpr void fields(V& v, T& x) {
    v("call", x.call);
    v("text", x.text);
}

template <class T>
concept described = requires(field_counter& c, T& x) { fields(c, x); };

namespace detail {

/// Room for a T that is never made: the count needs only names.
template <class T>
union unborn {
    char none;
    T x;
    constexpr unborn() : none(0) {}
    constexpr ~unborn() {}
};

/// Whether the list above names every field of T.
template <class T>
consteval bool complete() {
    unborn<T> u;
    field_counter c;
    fields(c, u.x);
    return c.n == arity<T>();
}

} // namespace detail

// Does one of these fail? The struct has a field that its list above does not have: add the line.
static_assert(detail::complete<call::target>() && detail::complete<call::policy>());
static_assert(detail::complete<call::branch>() && detail::complete<call::wave>());
static_assert(detail::complete<call::route>() && detail::complete<call::leg>());
static_assert(
    detail::complete<call::call_origin>() && detail::complete<call::ring>() && detail::complete<call::join>()
);
static_assert(
    detail::complete<call::e164>() && detail::complete<call::sip_uri>() && detail::complete<call::unnamed>()
);
static_assert(
    detail::complete<call::hold_mark>() && detail::complete<call::recording>() &&
    detail::complete<call::verdict>()
);
static_assert(detail::complete<call::state>() && detail::complete<call::dial_body>());
static_assert(detail::complete<call::answer_body>() && detail::complete<call::bridge_body>());
static_assert(detail::complete<call::hangup_body>() && detail::complete<call::reject_body>());
static_assert(detail::complete<call::speak_body>() && detail::complete<call::playback_start_body>());
static_assert(detail::complete<call::push_notice>() && detail::complete<call::notice>());
static_assert(detail::complete<call::test_effect>() && detail::complete<call::predecessor>());
static_assert(detail::complete<call::playback_stop_body>() && detail::complete<call::record_start_body>());
static_assert(detail::complete<call::gather_using_speak_body>());
static_assert(detail::complete<call::recording_fault>() && detail::complete<call::recording_order>());
static_assert(detail::complete<call::talk_recorder>());
static_assert(detail::complete<call::record_pause_body>() && detail::complete<call::record_resume_body>());

} // namespace z360::wire
