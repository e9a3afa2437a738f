// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What our own rows say about a call before it rings: whose number it is, whom to ring, by which rules.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/endpoint.hpp>
#include <z360/call/placed.hpp>
#include <z360/call/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// Times and texts of one call, fixed when it begins so that a change of settings never alters a running
/// call.
struct policy {
    millis ring_time{30'000};   ///< how long devices ring before voicemail; 5 s … 60 s, of a plan its length
    millis bridge_limit{3'000}; ///< from the first bridge attempt of a winner until it must be confirmed
    millis resume_minimum{5'000}; ///< ring time that must be left for the ring to go on after a failed bridge
    millis answer_limit{3'000};   ///< from the winner's answer until the caller's leg must be answered
    millis voicemail_max{120'000}; ///< longest message
    std::string voicemail_greeting = "We are not available. Please leave a message after the tone.";
    std::string voicemail_greeting_url; ///< audio in place of that text, which is said if it cannot be played
    bool voicemail_beep = true;         ///< a tone before the message
    bool transcribe_messages = false;   ///< the carrier writes down what a message says
    bool takes_messages = true;         ///< false: whom nobody answers is told `unavailable_message` alone
    std::string unavailable_message = "We are not available. Please call again later.";
    std::string hold_prompt = "One moment please, we are connecting you.";
    std::string voice = "AWS.Polly.Joanna-Neural";
    std::string ringback_url; ///< audio looped to an answered caller who waits; empty: hold_prompt is spoken
    bool record_calls = true; ///< record from the bridge on, two channels
    bool recording_mandatory = false; ///< with `record_calls`: nobody may pause it (BE-24)
    bool recorded_by_number = false;  ///< both are the dialed number's word, not its organisation's
    bool ends_unrecorded = true;      ///< where it is mandatory: a talk that cannot be recorded is ended
    std::string unrecorded_message = "This call cannot be recorded, and ends now."; ///< said before that
    std::string recording_announcement; ///< said to the caller once the talk begins; empty: nothing
    bool wake_by_push = false;          ///< phones are told by push that it rings, and that it does no more
    /// From the beginning of the ring until the person's mobile number is dialed as well, if none of their
    /// devices has acknowledged it by then; 0: half the ring, at least 10 s.
    millis mobile_after{0};
    std::string mobile_prompt =
        "There is a call for you. Press 1 to take it."; ///< said to whoever answers the mobile number

    bool operator==(const policy&) const = default;
};

/// What is recorded of a talk, by the rules that its call began with (I17).
enum class recording_policy : std::uint8_t {
    off,
    on,
    mandatory, ///< and not to be paused
};
[[nodiscard]] std::string_view name(recording_policy p);
[[nodiscard]] inline recording_policy recording_of(const policy& rules) {
    if (!rules.record_calls) return recording_policy::off;
    return rules.recording_mandatory ? recording_policy::mandatory : recording_policy::on;
}

[[nodiscard]] std::optional<recording_policy> recording_named(std::string_view name); ///< or none
/// The dialed number's word in place of its organisation's, which is in `rules`. What an organisation demands
/// no number loosens: then nothing changes.
void record_as_number_says(policy& rules, recording_policy number);

/// Outcome of looking the dialed number up in our own tables (BE-15: never in ambient state).
enum class route_verdict : std::uint8_t {
    ring,           ///< ring `targets`; with none of them: voicemail
    unknown_number, ///< not ours, malformed or ambiguous: refuse to guess (WEB-04)
    blocked_caller, ///< the organisation does not take this caller: told so by the greeting, or rejected
                    ///< (B43)
};

/// Why the call goes where it goes, beside the number's own setting.
enum class route_cause : std::uint8_t {
    as_set,    ///< open, and nothing against the caller
    closed,    ///< outside the organisation's opening hours
    holiday,   ///< on a day with hours of its own, outside them
    blocked,   ///< the caller is one that the organisation blocks
    anonymous, ///< the caller shows no number, and the organisation takes no such calls
};
[[nodiscard]] std::string_view name(route_cause c);

/// Everything about a call that is known before it rings; part of its state from then on.
struct route {
    route_verdict verdict = route_verdict::unknown_number;
    route_cause cause = route_cause::as_set;
    org_id org;
    user_id user;
    phone_number_id number;
    std::string number_e164; ///< the dialed number, normalised
    std::string caller_name; ///< contact's name; empty if the caller is no contact
    /// One per physical device; two of one device, with different identities, while one of them replaces the
    /// other and it is not known which the device uses (CRED-01).
    std::vector<target> targets;
    /// Who of several people is rung when; each target is a device of one of them. None: the targets ring at
    /// once, and `user` is the person who is called.
    ring_plan plan;
    std::string mobile; ///< the person's mobile number, "+…", dialed when no device answers; empty: none
    kept_out mobile_left_out = kept_out::none; ///< why that number is not dialed
    /// Devices that could ring and do not, each with why; of a route that is heeded.
    std::vector<target> left_out;
    policy rules;
    /// What this caller is told for `cause`, in place of voicemail's greeting; empty: that greeting stays,
    /// or, of a blocked caller, nothing is said.
    std::string instead;
    /// The organisation's agent, "sip:…", if it takes the calls that come out of hours; empty: voicemail
    /// does.
    std::string when_closed;
    /// A device of ours places the call: nobody of ours is rung, `user` is who calls, `number` what they are
    /// shown as, and `caller_name` the contact whom they call.
    std::optional<struct placed> placed = {};

    bool operator==(const route&) const = default;
};

/// From what was looked up to what is done: unless `cause` is as_set nobody is rung, but for the agent that
/// takes calls out of hours; and never who is left out. What was looked up has all that would be rung,
/// because a call that has been rung already, or whose talk goes on, heeds no cause (I21).
void heed_cause(route& r);

/// Of a route whose call rings or talks already, or that may be of another day: it has no cause, and leaves
/// out nobody.
void heed_nothing(route& r);

/// How many devices are left out for that reason.
[[nodiscard]] std::size_t count_left_out(const route& r, kept_out why);

/// The organisation's agent is rung, and nobody else: for 20 s at most, for a program that has not answered
/// by then is down.
void lead_to_agent(route& r, std::string uri);
/// This number is rung, and nobody else, for as long as devices would be.
void lead_to_number(route& r, std::string number, bool asked);
/// Nobody is rung at the number that they call from: such a call would come back.
void leave_out_caller(route& r, std::string_view caller);

/// There is a device, a number, or an agent that it rings.
[[nodiscard]] bool rings_anybody(const route& r);
/// Those whose call it is: the person, or everybody of the plan. Each once.
[[nodiscard]] std::vector<user_id> people_of(const route& r);
/// Whose device it is that the target leads to.
[[nodiscard]] inline user_id person_of(const route& r, const target& t) {
    return t.user.none() ? r.user : t.user;
}

/// What a caller meets with; of a route that heeds its cause.
enum class route_outcome : std::uint8_t {
    ring,         ///< devices or a mobile number ring
    voicemail,    ///< at once
    announcement, ///< answered, told the greeting, hung up on
    rejected,     ///< not even answered
};
[[nodiscard]] route_outcome outcome_of(const route& r);
[[nodiscard]] std::string_view name(route_outcome o);

} // namespace z360::call
