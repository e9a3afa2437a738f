// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the core wants done. Data only: the engine stores effects with the state in one transaction and runs
// them afterwards (persist, then act).
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>
#include <z360/push/kind.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace z360::call {

/// POST /calls. The command id is the leg's own uuid, so a repeated dial within 60 s is one phone call.
struct dial_body {
    leg_id leg;
    std::string sip_username; ///< of a device
    std::string number;       ///< "+…" of a peer
    /// "sip:…" of an agent: it is sent a reference by which it may ask who calls (BE-27), nothing else of it.
    std::string agent;
    std::string
        from; ///< the caller, shown on the device; replaced by the linked call's number (bridge_intent)
    std::string display_name; ///< contact's name, may be empty
    std::string link_to;      ///< caller's call_control_id
    int timeout_secs = 30;    ///< 5 … 600
    org_id org;
    call_id call;
};
struct answer_body {};
/// POST /calls/{device leg}/actions/bridge with the caller's leg in the body and prevent_double_bridge: the
/// carrier's fence looks at the leg in the body.
struct bridge_body {
    std::string caller_control_id;
    bool record = true;
    std::string recording_name; ///< ≤ 40 characters
};
struct hangup_body {
    release_reason why = release_reason::none;
};
struct reject_body {};
struct speak_body {
    std::string text; ///< ≤ 3000 characters
    std::string voice;
};
struct playback_start_body {
    std::string url;
    bool loop = true;
    bool instead = false; ///< of all that plays, and of what waits for its end: that is stopped
};
struct playback_stop_body {};
struct record_start_body {
    int max_length_secs = 120;
    std::string name; ///< ≤ 40 characters
    bool beep = true;
    bool transcribe = false; ///< after the call; the carrier charges for it
    bool dual = false;       ///< a channel for each side; false: one for both
};
/// Of the recordings of the addressed leg: the one with this id, or, empty, all of them.
struct record_pause_body {
    std::string recording_id;
};
struct record_resume_body {
    std::string recording_id;
};
/// Says the text, as often as `tries`, until one of the keys is pressed.
struct gather_using_speak_body {
    std::string text;
    std::string voice;
    std::string keys; ///< those that count
    int tries = 2;
    int timeout_ms = 5'000; ///< from the end of the text until it is said again
};
using command_body = std::variant<
    dial_body, answer_body, bridge_body, hangup_body, reject_body, speak_body, playback_start_body,
    playback_stop_body, record_start_body, gather_using_speak_body, record_pause_body, record_resume_body>;

/// What the carrier is to do with one leg.
struct carrier_command {
    call_id call{}; ///< with `org`: of the mark that the caller's leg bears; none in commands of form 1
    org_id org{};
    std::string call_control_id; ///< addressed leg; empty for a dial
    std::optional<leg_id> leg;   ///< the one concerned of those we dial; nullopt: the caller's leg
    command_body body;

    [[nodiscard]] verb what() const { return static_cast<verb>(body_to_verb[body.index()]); }

  private:
    static constexpr int body_to_verb[] = {
        static_cast<int>(verb::dial),           static_cast<int>(verb::answer),
        static_cast<int>(verb::bridge),         static_cast<int>(verb::hangup),
        static_cast<int>(verb::reject),         static_cast<int>(verb::speak),
        static_cast<int>(verb::playback_start), static_cast<int>(verb::playback_stop),
        static_cast<int>(verb::record_start),   static_cast<int>(verb::gather_using_speak),
        static_cast<int>(verb::record_pause),   static_cast<int>(verb::record_resume),
    };
};

/// What a device is told by push. To which of its tokens, and whether it has one, whoever carries it out
/// finds out. Texts are as the carrier and our own rows have them: whoever writes a payload cleans them.
struct push_notice {
    call_id call{};
    org_id org{};
    user_id user{};
    device_id device{};
    push::kind what = push::kind::incoming_call; ///< incoming_call, call_ended or missed_call
    std::uint32_t ring = 0;                      ///< of the call: which one it is about
    std::uint32_t round = 1;                     ///< 2, 3: once more, as nobody acknowledged the one before
    push::ended_reason why = push::ended_reason::none; ///< of an end
    device_id winner{};                                ///< has the call, for `answered_elsewhere`
    time_point began{};                                ///< the ring, or when what it tells happened
    time_point ring_until{};                           ///< of incoming_call: nothing rings later
    std::string session;                               ///< the carrier's
    std::string caller_control_id;
    std::string caller_number; ///< as on the INVITE; empty or "withheld": not shown
    std::string caller_name;
    std::string number; ///< ours that was called
    bool operator==(const push_notice&) const = default;
};

/// Of the channel that only tests have: it keeps whatever carries effects from knowing one kind alone.
struct test_effect {
    call_id call{};
    std::string text;
    bool operator==(const test_effect&) const = default;
};

/// Kinds of effects. Whoever tells them apart visits all of them: a new kind compiles once each has said what
/// it makes of it.
using effect_body = std::variant<carrier_command, push_notice, test_effect>;

/// Who carries a kind of effects out: stored beside each.
enum class channel : std::uint8_t { carrier, push, test };
inline constexpr int k_channel_count = 3;
[[nodiscard]] std::string_view name(channel c);
[[nodiscard]] std::optional<channel> channel_named(std::string_view word);

struct command;

/// What an effect waits for.
struct predecessor {
    std::string id; ///< of the effect of the same call whose success is waited for; it waits for none itself
    millis allowed{}; ///< how long the one that waits may be tried, from its own start; > 0
    bool operator==(const predecessor&) const = default;
};

/// Something to be done outside, stored with the decision that wants it and run afterwards. `id` is
/// deterministic: the same decision made twice, here or on another node, gives the same id, and whoever
/// carries it out tells a repeat by it (I7; Telnyx for 60 s).
struct effect {
    std::string id;
    time_point issued_at{};
    time_point deadline{}; ///< no attempt starts later; the outcome is `expired` then
    /// It starts once that one has succeeded, or once it is issued again without this (then it is released).
    /// If that one ends in any other way this one is superseded; a release makes it live again. `deadline` is
    /// absolute all the same: see started().
    std::optional<predecessor> after;
    effect_body body;

    effect() = default;
    effect(command c); // NOLINT(google-explicit-constructor): a command is an effect
};
[[nodiscard]] channel channel_of(const effect& e); ///< who carries it out
/// Short word for what it does: a command's verb, a push's kind, else the channel.
[[nodiscard]] std::string_view kind_of(const effect& e);
/// As it runs from `now` on: it waits for nothing any more, and no attempt starts after its deadline or, if
/// that is earlier, once its own time is over.
[[nodiscard]] effect started(effect e, time_point now);
/// It has few seconds in all: whoever takes it over from a dead node must come soon (P6).
[[nodiscard]] bool is_urgent(const effect& e);
/// Never ahead of the store, however long that is away: what everybody is shown would be untrue meanwhile
/// ("paused", and the recording goes on: I17), or for good (a node dies that has paused it, and nobody
/// knows).
[[nodiscard]] bool waits_for_store(const effect& e);
/// Its outcome, had it ended so. What only its runner knows, such as the id of a dialed leg, is not in it.
[[nodiscard]] effect_outcome ended_as(const effect& e, outcome result);

/// A carrier's effect in one piece: what components make and the carrier's client takes.
/// Starts at once: what an effect waits for is no part of it.
struct command : carrier_command {
    std::string id;
    time_point issued_at{};
    time_point deadline{};
};
/// nullopt: it is another channel's.
[[nodiscard]] std::optional<command> command_of(effect e);

/// What a line of a call's timeline says. Their names are in one table (names.cpp), and figures are made of
/// these, not of words.
enum class remark : std::uint8_t {
    number_refused,
    caller_blocked,
    call_began,
    waited_too_long,
    caller_hung_up,
    answer_failed,
    dial_failed,
    duplicate_leg,
    device_answered,
    device_withdrawn,
    device_declined,
    device_says_answered,
    device_joins_ring,
    device_leg_ended,
    wave_began,
    number_rung,
    branch_stopped,
    mobile_rung,
    mobile_answered,
    mobile_confirmed,
    mobile_refused,
    mobile_leg_ended,
    agent_rung,
    agent_answered,
    agent_leg_ended,
    agent_unreachable,
    push_accepted,
    push_failed,
    request_refused,
    winner_claimed,
    winner_by_fact,
    winner_dropped,
    bridge_refused,
    bridge_expired,
    bridge_confirmed_by_one_side,
    bridged,
    second_bridge_dropped,
    carrier_asked,
    active,
    on_hold,
    remote_hold,
    speak_failed,
    playback_start_failed,
    playback_stop_failed,
    record_start_failed,
    voicemail,
    recording_saved,
    recording_failed,
    recording_retried,
    recording_unavailable,
    recording_announced,
    recording_pausing,
    recording_paused,
    recording_resuming,
    recording_resumed,
    record_pause_failed,
    record_resume_failed,
    media_given_up,
    end_reason,
    call_ended,
};
inline constexpr int k_remark_count = 60;
[[nodiscard]] std::string_view name(remark r);

/// A line of the call's timeline, for people and for the call log.
struct note {
    remark what = remark::call_began;
    std::string detail; ///< `key=value …`; no secrets, no names
    bool operator==(const note&) const = default;
};

/// The carrier is to be asked what it knows of this call, before something is given up for want of a webhook.
/// Not stored: the state holds that it was asked and until when an answer is waited for, so whoever finds the
/// call overdue asks again. The answer is `carrier_told`.
struct inquiry {
    std::uint32_t round = 0; ///< counts the questions of one call, from 1; comes back with the answer
    bool operator==(const inquiry&) const = default;
};

/// What the carrier has measured or charged: stored with the decision, and no part of the call's state. Said
/// again whenever the event is decided again; what is stored of a leg is the same then.
struct leg_report {
    std::string carrier_leg;   ///< its call_control_id, else our id of it; never empty
    std::optional<leg_id> leg; ///< nullopt: the carrier's second leg of a dial, or one that we do not know
    bool talked = false;       ///< it was joined, as far as is known by now
    std::variant<media_figures, charge> what;
    bool operator==(const leg_report&) const = default;
};

/// What one step says: what is to be done, told, asked, and written down.
using output = std::variant<effect, note, inquiry, leg_report>;
/// nullopt: it is no command of the carrier.
[[nodiscard]] std::optional<command> command_of(const output& o);

} // namespace z360::call
