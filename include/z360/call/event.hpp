// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Everything that can happen to a call: webhooks (typed), outcomes of our own commands, time.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/figures.hpp>
#include <z360/call/route.hpp>
#include <z360/call/state.hpp>
#include <z360/push/kind.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace z360::call {

/// Which leg an event is about. `leg` comes from client_state with a valid MAC and wins over the control id,
/// because it is known before Telnyx has told us any id (BE-02, BE-20).
struct leg_ref {
    std::string call_control_id;
    std::optional<leg_id> leg;
    bool operator==(const leg_ref&) const = default;
};

/// A caller has reached one of our numbers and is parked, unanswered. `routed` was looked up by the engine.
struct incoming {
    call_id id;
    std::string call_control_id;
    std::string call_session_id;
    std::string from;      ///< canonical: +E.164, "withheld", a SIP address, or what came
    std::string from_sent; ///< as the carrier sent it; only kept
    std::string to_sent;   ///< the same of the number dialed
    route routed;
    /// When the caller reached us, if that is long ago (an event that waited for a store or a node). Whoever
    /// has waited for a whole ring already is not kept waiting for another one: voicemail at once.
    std::optional<time_point> waiting_since;
};
struct leg_initiated {
    leg_ref who;
};
struct leg_answered {
    leg_ref who;
};
struct leg_bridged {
    leg_ref who;
};
struct leg_hangup {
    leg_ref who;
    std::string cause;        ///< unknown causes are normal and mean no more than "gone"
    media_figures heard = {}; ///< empty: nothing was measured
};
struct leg_hold {
    leg_ref who;
    bool held = true;
    time_point at{}; ///< occurred_at
};
/// speak.ended or playback.ended.
struct prompt_ended {
    leg_ref who;
    bool listener_left = false; ///< status call_hangup: do not record (reference §9)
    bool spoken = true;         ///< false: audio that was played (playback.ended)
    time_point at{};            ///< occurred_at
    /// The command that the leg bore the mark of: the prompt's own, or a newer one [U]. Empty: none.
    std::string command_id = {};
    bool failed = false; ///< audio that could not be played: not there, or not readable
    /// The carrier's id of this report: tells two ends in one millisecond apart, and a repetition from
    /// either. Empty: not kept (an earlier program's record); then kind and `at` tell them apart.
    std::string report = {};
    std::string audio = {}; ///< address of what was played; empty: words, or not told
};
/// gather.ended: what was pressed, after a prompt.
struct digits_gathered {
    leg_ref who;
    std::string digits; ///< empty: none
};
struct recording_saved {
    leg_ref who;
    std::string recording_id;
    std::string url;         ///< where the carrier offers it, for minutes
    std::string format = {}; ///< of what is there, "mp3" or "wav"; empty: not said
    std::optional<time_point> began_at = {}, ended_at = {};
};
struct recording_failed {
    leg_ref who;
    std::string reason;
    time_point at{}; ///< occurred_at: tells two faults apart, and a repetition from either
};

/// What a leg has cost. Comes after its end, if the carrier is asked to tell at all.
struct leg_charged {
    leg_ref who;
    charge what;
};

/// What Telnyx made of a command, classified once for every command and error code.
enum class outcome : std::uint8_t {
    done,       ///< 2xx
    peer_gone,  ///< the addressed leg has ended (90018, 404): success for hang-up, proof of death otherwise
    refused,    ///< will never work: validation, channel limits, already bridged …
    expired,    ///< retried until the command's deadline; whether Telnyx acted on it is unknown
    superseded, ///< no longer wanted by the call, not sent (again)
};
inline constexpr int k_outcome_count = 5;
[[nodiscard]] std::string_view name(outcome o);

/// A Call Control command, by its name in Telnyx's URL.
enum class verb : std::uint8_t {
    dial,
    answer,
    bridge,
    hangup,
    reject,
    speak,
    playback_start,
    playback_stop,
    record_start,
    gather_using_speak,
    record_pause,
    record_resume
};
inline constexpr int k_verb_count = 12;
[[nodiscard]] std::string_view name(verb v);

/// How one of our own commands to the carrier ended.
struct command_outcome {
    std::string command_id;
    verb what = verb::dial;
    leg_ref who; ///< addressed leg; for a dial `who.leg` is set and `who.call_control_id` is the new leg's
    outcome result = outcome::done;
    std::string error_code;        ///< Telnyx code such as "90018", or a transport word; for people
    std::string error_title;       ///< Telnyx's words for it, bounded; for people; empty: none
    unsigned attempts = 0;         ///< requests that were sent for it, identical resends included; for people
    std::string recording_id = {}; ///< that began with it; the carrier need not tell one
};

/// How a push ended. `done`: a provider took it, which does not mean that it was shown. `refused`: it never
/// will be, e.g. for want of a token.
struct push_outcome {
    std::string effect_id;
    push::kind what = push::kind::incoming_call;
    device_id device{};
    std::uint32_t ring = 0; ///< of the call
    outcome result = outcome::done;
    bool sent = false; ///< it may have reached the device: taken, or sent and nothing was heard of it
    std::optional<push::provider> by; ///< who was asked; nullopt: nobody
    std::string code;                 ///< the provider's word, or ours; for people, and without a token
    unsigned attempts = 0;
};

/// The same of the channel that only tests have.
struct test_outcome {
    std::string effect_id;
    outcome result = outcome::done;
    std::string answer;
    unsigned attempts = 0;
};

/// How an effect ended, by its kind; each is an event and comes back to the call like any other.
using effect_outcome = std::variant<command_outcome, push_outcome, test_outcome>;
/// What all of them say. The texts live as long as `o`.
struct effect_end {
    std::string_view id;
    outcome result = outcome::done;
    std::string_view error; ///< for people; empty: none
    unsigned attempts = 0;
};
[[nodiscard]] effect_end end_of(const effect_outcome& o);

/// These devices may not be rung in this call any more: signed out, revoked, or their person has left the
/// organisation (B28). Whoever is joined to the caller, or about to be, stays.
struct ring_withdrawn {
    std::vector<device_id> devices;
    bool busy = false; ///< not that: their person talks in another call, and the policy is not to ring them
};

/// A phone says that a push of this call has reached it: it is not sent again.
struct push_received {
    device_id device;
    bool ready = false; ///< it can take an INVITE now
};

/// A device asks something of a call that is going on. What comes of it is judged once, when it is decided.
struct device_asks {
    request_kind what = request_kind::decline;
    std::string id; ///< of the request; the same one is judged once
    device_id device;
    time_point until{}; ///< undecided by then: refused, and never carried out
    /// Of `ring`: where this device may be rung for this call, as it was looked up when the device asked.
    /// Empty: it may not be.
    std::vector<target> at = {};
};

/// The answer to an inquiry. When `answered`, everything that the carrier had on record about this call's
/// legs at the time of the question has been decided before this event, as the events that they are. So a
/// bridge that is still unknown is none, if the question was asked late enough
/// (`join::quiet_from`).
struct carrier_told {
    std::uint32_t round = 0;
    bool answered = false; ///< false: it could not be asked
};

/// Time has passed: deadlines are checked. Carries nothing; `now` is decide's third argument.
struct tick {};

using event = std::variant<
    incoming, leg_initiated, leg_answered, leg_bridged, leg_hangup, leg_hold, prompt_ended, digits_gathered,
    recording_saved, recording_failed, leg_charged, command_outcome, push_outcome, test_outcome,
    ring_withdrawn, push_received, device_asks, carrier_told, tick>;
inline constexpr int k_event_count = static_cast<int>(std::variant_size_v<event>);
/// The request that the event is; null: it is none.
[[nodiscard]] inline const device_asks* request_of(const event& e) {
    return std::get_if<device_asks>(&e);
}
/// The event is the end of an effect; nullopt: it is not.
[[nodiscard]] std::optional<effect_outcome> outcome_in(const event& e);
[[nodiscard]] event event_of(effect_outcome o);
/// Short name of the alternative, e.g. "leg_answered"; used in the timeline and in scenario scripts.
[[nodiscard]] std::string_view name(const event& e);

} // namespace z360::call
