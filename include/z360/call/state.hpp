// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The whole memory of one call. A value: copyable, comparable, saved as one snapshot, rebuilt from it after a
// crash. Nothing about a call is remembered anywhere else.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/route.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// The canonical call states (STATE-01): the same names in code, database, API, push and logs.
enum class phase : std::uint8_t {
    ringing,      ///< devices are being rung, nobody has the caller
    answering,    ///< a device answered and is the recorded winner; the caller's leg is being answered
    bridging,     ///< the bridge was commanded and is not confirmed
    active,       ///< caller and winner talk
    on_hold,      ///< the device put the caller on hold
    remote_hold,  ///< the caller put us on hold
    reconnecting, ///< the device's leg was lost and is being redialed
    voicemail,    ///< greeting or recording
    ended,        ///< terminal; never left again
};
inline constexpr int k_phase_count = 9;
[[nodiscard]] std::string_view name(phase p);

/// Why a call ended. Exactly one per call.
enum class end_reason : std::uint8_t {
    none,
    completed,        ///< talked, then either side hung up
    caller_cancelled, ///< the caller hung up before being joined to anyone or recorded
    voicemail,        ///< the caller left through voicemail (with or without a message)
    rejected,         ///< unknown, malformed or ambiguous number, or a caller whom the organisation blocks
    failed,           ///< the carrier refused every way to serve the caller
    no_media,         ///< talked, or would have: the device that was joined had no sound and ended it (B4)
};
[[nodiscard]] std::string_view name(end_reason r);

/// Per-device view (STATE-01).
enum class device_status : std::uint8_t { notified, ringing, answered, dismissed, failed };
[[nodiscard]] std::string_view name(device_status s);

/// Why a device leg was told to stop. Names are those of the `call_ended` push and event.
enum class release_reason : std::uint8_t {
    none,
    answered_elsewhere,
    caller_gone,
    ring_timeout,
    bridge_failed,
    call_over,      ///< the talk ended normally
    device_removed, ///< the device may not be rung any more, or declined
};
[[nodiscard]] std::string_view name(release_reason r);

enum class dial_status : std::uint8_t {
    planned,   ///< its turn has not come; the carrier has not been asked, by this copy of the call
    requested, ///< the dial command is in the outbox; Telnyx may or may not know the leg
    accepted,  ///< Telnyx returned or announced a call_control_id
    failed,    ///< Telnyx refused for good; there is no leg
};
[[nodiscard]] std::string_view name(dial_status s);

/// A hold or unhold: the newest by when it happened, so that order of delivery does not matter.
struct hold_mark {
    bool held = false;
    time_point at{}; ///< occurred_at
    bool operator==(const hold_mark&) const = default;
};

/// Whose leg it is.
enum class leg_role : std::uint8_t {
    device, ///< one of ours, that we dial
    caller, ///< who called us
    peer,   ///< a number or an address that we dial
    agent,  ///< a program that takes part
};
[[nodiscard]] std::string_view name(leg_role r);

/// What became of a ring.
enum class ring_end : std::uint8_t {
    none,            ///< it rings, or who answered is being joined
    answered,        ///< somebody of it talks to the caller
    nobody_answered, ///< its time was up
    no_device_left,  ///< every leg of it is gone
    no_devices,      ///< there was nobody to ring
    waited_too_long, ///< the call came to us when its time was up
    call_over,       ///< the call ended first
};
[[nodiscard]] std::string_view name(ring_end e);

/// Devices that are rung together until one of them has the caller or the time is up. A call has one after
/// the other: a later one begins when the one before is over. Whom it rings are the legs that bear its
/// number.
struct ring {
    time_point began{};
    time_point deadline{};
    ring_end over = ring_end::none;
    std::optional<time_point> over_at;   ///< nullopt: not over, or stored by an earlier program
    std::uint32_t wave = 0;              ///< how many waves of the plan have begun
    std::optional<time_point> next_wave; ///< when the next one begins at the latest; nullopt: there is none
    bool operator==(const ring&) const = default;
};

/// What we know of one leg, whoever is at its end. Facts only ever go from false to true, so that any order
/// and any duplication of the same events adds up to the same leg (I10).
struct leg {
    leg_id id;
    leg_role role = leg_role::device;
    endpoint to;            ///< whom it leads to, or who is at its end
    std::uint32_t ring = 0; ///< which ring of the call dials it: 1 for the first; 0: none
    dial_status dial = dial_status::requested;
    std::string call_control_id;    ///< empty until the dial's answer or any webhook tells it
    bool initiated = false;         ///< call.initiated seen
    bool answered = false;          ///< call.answered seen; the caller's: or our answer was accepted
    std::uint32_t answer_order = 0; ///< 1 for the first that takes the call, …; 0: it does not
    bool bridged = false;           ///< call.bridged seen
    bool ended = false;             ///< call.hangup seen, or Telnyx says the leg is gone
    std::string hangup_cause;       ///< of call.hangup, as Telnyx spelled it
    hold_mark hold;                 ///< of the other side, by this one
    bool withdrawn = false;         ///< its device may not be rung any more, judged when that was asked for
    release_reason release = release_reason::none; ///< set once the leg must die
    bool hangup_sent = false;                      ///< hang-up is in the outbox (needs the call_control_id)
    bool hung_up = false; ///< the carrier took our hang-up, or refused a bridge because this leg is gone: no
                          ///< bridge of it takes effect any more
    std::uint32_t spared = 0; ///< hang-ups taken back because the carrier reported the leg joined after all
    bool expired = false; ///< our dial ran out of time, or was given up; a leg that is there all the same may
                          ///< be another node's
    std::uint32_t asked = 0; ///< the question to the carrier about such a leg; 0: none under way
    bool cleared = false;    ///< it was answered: what is on record of the leg is known
    bool declined = false;   ///< its device does not want the call, judged when it said so
    /// Its device says that it has answered: when the carrier is asked for its word (again); nullopt: not
    /// said, or asked often enough.
    std::optional<time_point> word_due;
    std::uint32_t words_asked = 0; ///< questions to the carrier for the sake of that
    std::uint32_t late = 0; ///< its device asked to be rung while the ring was on: 1 + the epoch then; 0: no
    bool to_dial = false;   ///< its dial is still to be issued, in the same step
    bool prompted = false;  ///< a peer's: whoever answered was asked to press the key
    bool confirmed = false; ///< a peer's: they did, or need not
    std::uint32_t wave = 0; ///< of the plan, 1 for the first; 0: it has nothing to do with a plan
    std::optional<time_point> due;   ///< of a wave that has begun: when it is, or was, dialed
    std::optional<time_point> until; ///< it is rung no longer though others are; nullopt: as long as the ring
    bool stopped = false;            ///< that time was up, or its person talks in another call
    bool unasked = false;            ///< a peer's: whoever answers takes the call

    /// Its device may not be rung any more, or does not want to be.
    [[nodiscard]] bool called_off() const { return withdrawn || declined; }
    /// It answered, and somebody is there who wants the call: a peer's answer alone may be a voicemail's.
    [[nodiscard]] bool takes_call() const { return answer_order > 0; }
    /// Neither dead nor doomed.
    [[nodiscard]] bool alive() const {
        return !ended && !called_off() && !stopped && dial != dial_status::failed &&
               release == release_reason::none;
    }
    /// Our dial was given up, and it may have taken effect all the same.
    [[nodiscard]] bool may_turn_up() const {
        return dial == dial_status::failed && expired && !ended && !called_off() && !stopped &&
               release == release_reason::none;
    }
    /// It waits for its turn in the plan.
    [[nodiscard]] bool awaits_turn() const { return dial == dial_status::planned && !ended; }
    /// For all that is known its device rings, or talks, or will.
    [[nodiscard]] bool may_live() const { return alive() || (may_turn_up() && !cleared); }
    /// The identity that it leads to; null: no device of ours.
    [[nodiscard]] const target* goes_to() const { return std::get_if<target>(&to); }
    /// None: no device of ours.
    [[nodiscard]] device_id device() const { return goes_to() != nullptr ? goes_to()->device : device_id{}; }
    [[nodiscard]] identity_id identity() const {
        return goes_to() != nullptr ? goes_to()->identity : identity_id{};
    }
    bool operator==(const leg&) const = default;
};
[[nodiscard]] device_status status_of(const leg& leg);

/// A second call that the carrier made for one dial; it is hung up.
struct duplicate_leg {
    std::string call_control_id;
    leg_id leg;
    bool ended = false; ///< heard of by its end alone
    bool hangup_sent = false;
    bool operator==(const duplicate_leg&) const = default;
};

/// How the carrier told us of the call.
struct call_origin {
    std::string call_session_id;
    std::string number_sent; ///< the caller's, as it was sent; empty in calls begun by an earlier version
    std::string dialed_sent; ///< the same of the number dialed
    bool operator==(const call_origin&) const = default;
};

/// Why a join is no more.
enum class join_end : std::uint8_t {
    none,      ///< it is claimed, being made, or a talk
    talk_over, ///< it was a talk, and one of the two has left
    call_over, ///< the call ended before it was known to be a talk
    dropped,   ///< proven not to be one: its leg is out of the race, unless the carrier reports it joined yet
    overtaken, ///< the carrier had joined another leg
};
[[nodiscard]] std::string_view name(join_end e);

/// The caller's leg of this call: the same on every node.
[[nodiscard]] leg_id caller_leg_id(const call_id& call);

/// Two legs that are to talk to each other, or did: the caller and a device. A claim is intent; what the
/// carrier tells of it is fact. One that is over stays, so that it is known which leg was joined when.
struct join {
    std::uint32_t epoch = 0;             ///< which claim it is of, or was reported in: 1 for the first
    leg_id a;                            ///< the caller's leg
    leg_id b;                            ///< the device's, in the path of the bridge
    bool commanded = false;              ///< the bridge was asked for, or the carrier reported it unasked
    bool accepted = false;               ///< Telnyx answered 2xx, or reported it
    bool refused = false;                ///< Telnyx refused for good (e.g. already bridged with another leg)
    bool peer_gone = false;              ///< Telnyx says that one of the two legs is gone
    bool untried = false;                ///< claimed, and nobody is known to have asked for it
    std::optional<time_point> joined_at; ///< confirmed: both sides reported it, or what counts as both
    join_end over = join_end::none;
    std::optional<time_point> over_at; ///< nullopt: not over, or stored by an earlier program
    /// When the call is looked at again: bridge tried, carrier asked (again).
    std::optional<time_point> limit;
    /// From then on no request of ours can still make it; nullopt: none was sent.
    std::optional<time_point> quiet_from;
    std::uint32_t asked = 0;       ///< questions to the carrier about it
    std::uint32_t proof_round = 0; ///< the first of them after `quiet_from`: its answer is proof; 0: none

    /// It has not come to nothing: at most one of a call.
    [[nodiscard]] bool counts() const { return over != join_end::dropped && over != join_end::overtaken; }
    bool operator==(const join&) const = default;
};

/// Something the caller was to hear: while waiting, or the greeting of voicemail.
struct prompt {
    std::uint32_t number = 0;        ///< of those heard while waiting, from 1; 0: the greeting
    bool spoken = true;              ///< false: audio that is played (ringback)
    bool refused = false;            ///< the carrier will not play it
    bool expired = false;            ///< whether it plays is unknown
    bool over = false;               ///< stopped by us, or its end was waited for in vain
    std::optional<time_point> limit; ///< from then on its end counts as lost
    bool elsewhere = false; ///< another copy of the call had it played: before or after the others, who knows
    bool operator==(const prompt&) const = default;
};
/// The carrier's report that one of them ended.
struct prompt_end {
    bool spoken = true;
    time_point at{};
    bool listener_left = false;
    std::string command_id; ///< mark of the leg: that of the prompt that ended, or of a later one [U]
    bool failed = false;    ///< audio that could not be played
    /// The carrier's id of the report; empty: an earlier program has kept it, then kind and time tell reports
    /// apart.
    std::string report;
    bool greeting = false; ///< what was played is the greeting for certain; false: it may be
    bool operator==(const prompt_end&) const = default;
};

/// How far voicemail has come.
enum class voicemail_step : std::uint8_t { none, answering, greeting, recording, done };
[[nodiscard]] std::string_view name(voicemail_step s);

struct voicemail_box {
    voicemail_step step = voicemail_step::none;
    std::optional<time_point> limit; ///< watchdog of the step (B24)
    bool failed = false;             ///< the message could not be recorded
    bool operator==(const voicemail_box&) const = default;
};

enum class recording_purpose : std::uint8_t {
    talk,    ///< caller and device, of the device's leg
    message, ///< voicemail, of the caller's leg; see purpose_of
};
[[nodiscard]] std::string_view name(recording_purpose p);

/// Something recorded, and where the carrier keeps it.
struct recording {
    std::string id;
    std::string url;
    recording_purpose purpose = recording_purpose::talk;
    std::string format; ///< "mp3" or "wav"; empty: not said
    std::optional<time_point> began_at, ended_at;
    bool operator==(const recording&) const = default;
};

/// The carrier's report that the recording on a leg failed. When it happened tells reports apart.
struct recording_fault {
    leg_id leg;
    time_point at{};
    bool operator==(const recording_fault&) const = default;
};
/// What became of a command by which a talk is recorded: its bridge, or the order to record it again.
struct recording_order {
    std::string command_id;
    std::string recording_id; ///< the carrier's; it need not tell one
    bool failed = false;      ///< refused, or nobody knows what became of it
    bool operator==(const recording_order&) const = default;
};
/// The recording of a talk while it goes on. It begins with the bridge: who is joined is being recorded,
/// unless the carrier reports that it failed.
struct talk_recorder {
    std::vector<recording_fault> faults;  ///< bounded, like `told`
    std::vector<recording_order> told;    ///< what is known of the commands, by their ids
    std::uint32_t orders = 0;             ///< to record it again, so far
    std::optional<time_point> look_at;    ///< when the carrier is asked for a fault whose report was lost
    std::uint32_t looks = 0;              ///< such questions
    std::uint32_t look_round = 0;         ///< the newest one's; 0: none is open
    bool looked = false;                  ///< that it runs was told, or asked for often enough
    bool unavailable = false;             ///< it cannot be recorded: told
    std::optional<time_point> ends_at;    ///< and that is why the talk ends then
    bool announced = false;               ///< the caller was to be told of it
    bool pause_wanted = false;            ///< by the last request that was granted
    bool paused = false;                  ///< the carrier has taken a pause, and was sent nothing since
    std::uint32_t turns = 0;              ///< pauses and resumptions sent so far, one after the other
    bool turn_open = false;               ///< what became of the last of them is not known
    bool doubtful = false;                ///< a lost one may have stopped it, though it is to go on
    std::optional<time_point> quiet_from; ///< a lost one may still reach the carrier until then
    bool operator==(const talk_recorder&) const = default;
};

/// What a device may ask for in a call.
enum class request_kind : std::uint8_t {
    decline,  ///< stop ringing me; the others ring on
    answered, ///< I have answered: look after it, should the carrier's report be lost
    ring,     ///< ring me too: I was not there when the ring began, or my leg is gone
    pause_recording,
    resume_recording,
    give_up_media, ///< this talk has no sound, and none will come: end it
};
inline constexpr int k_request_count = 6;
[[nodiscard]] std::string_view name(request_kind k);

/// Why a request was not granted.
enum class refusal : std::uint8_t {
    none,
    late,        ///< not decided within its deadline; never carried out later
    not_rung,    ///< no leg of this call goes to the device
    leg_over,    ///< the device's leg has ended or was told to stop
    in_the_talk, ///< the device has answered: there is nothing to decline any more
    call_over,
    not_ringing,     ///< somebody has the caller, or the ring's time is up
    rings_already,   ///< a leg of this call to the device lives
    may_not_ring,    ///< the call may not ring the device: not its person's, not reachable, or withdrawn
    let_in_before,   ///< it was rung once more in this ring already (I12)
    not_talking,     ///< the device is not the one that talks to the caller
    not_recorded,    ///< the organisation records no talks, or this one cannot be recorded
    recording_fixed, ///< the organisation does not let anybody pause it
    media_may_come,  ///< the talk is younger than 15 s: its sound may still come
};
[[nodiscard]] std::string_view name(refusal r);

/// How a request was judged: once, against the call as it was stored then. This is the fact; the same request
/// again gets the same.
struct verdict {
    std::string id; ///< of the request
    request_kind what = request_kind::decline;
    refusal why = refusal::none; ///< none: granted
    time_point at{};
    device_id device = {}; ///< that asked; none in calls of an earlier version
    bool operator==(const verdict&) const = default;
};

/// What a phone of the person who is called is told by push, beside its leg.
struct notice {
    device_id device;
    std::uint32_t ring = 0;             ///< of which ring it was told; 0: only that the call was missed
    std::uint32_t rounds = 0;           ///< how often it was told that it rings
    bool known = false;                 ///< what became of the newest of those is known
    bool sent = false;                  ///< one of them may have reached it
    bool repeatable = false;            ///< one was taken by a provider by which it may be said again
    bool acknowledged = false;          ///< the phone says that it has it
    bool ready = false;                 ///< the phone says that it can take an INVITE
    std::optional<time_point> again_at; ///< when it is said again
    bool ended = false;                 ///< it was told that it rings no more
    bool missed = false;                ///< it was told that the call was missed
    bool operator==(const notice&) const = default;
};

/// One call. Its phase is no field: phase_of() computes it.
struct state {
    call_id id;
    route routed;
    call_origin origin;
    leg caller; ///< the leg that the call began with
    end_reason reason = end_reason::none;
    std::vector<ring> rings;     ///< one after the other; the last one is the current one
    std::vector<leg> legs;       ///< the others, in the order in which they were dialed
    std::vector<notice> notices; ///< one for each device
    std::vector<duplicate_leg> duplicates;
    std::uint32_t answers = 0; ///< how many have taken the call so far
    std::uint32_t epoch = 0; ///< claims so far: the next one needs proof that the one before came to nothing
    std::vector<join> joins; ///< in the order in which they came to count
    std::uint32_t asked = 0; ///< questions to the carrier in all; the newest one's round
    std::uint32_t told = 0;  ///< newest round that was answered
    std::vector<prompt> prompts;
    std::vector<prompt_end> prompt_ends;
    voicemail_box voicemail;
    std::vector<recording> recordings;
    talk_recorder recorder;
    std::vector<verdict> verdicts; ///< the newest ones, in their order; bounded
    time_point began{};
    std::optional<time_point> answered_at; ///< first device answer that led to the talk
    std::optional<time_point> ended_at;

    /// Of the legs that we dialed; null: none has this id.
    [[nodiscard]] const leg* find(const leg_id& id_) const;
    [[nodiscard]] leg* find(const leg_id& id_);
    [[nodiscard]] const leg* find_by_control_id(std::string_view ccid) const;
    bool operator==(const state&) const = default;
};

/// The newest one, over or not. Null: nobody is rung in this call, it was refused.
[[nodiscard]] const ring* current_ring(const state& s);
[[nodiscard]] ring* current_ring(state& s);
/// The leg is one of the current ring's.
[[nodiscard]] inline bool is_rung_now(const state& s, const leg& l) {
    return l.ring != 0 && l.ring == s.rings.size();
}

/// The join that counts: claimed, being made or a talk; in a call that is over, its last. Null: none.
[[nodiscard]] const join* current_join(const state& s);
[[nodiscard]] join* current_join(state& s);
/// The leg that it joins to the caller. Null: nobody is claimed.
[[nodiscard]] const leg* winner(const state& s);
[[nodiscard]] leg* winner(state& s);
[[nodiscard]] bool is_winner(const state& s, const leg_id& leg);
/// It was claimed, and proven not to be joined; never offered again. (What the carrier reports later still
/// counts.)
[[nodiscard]] bool out_of_race(const state& s, const leg_id& leg);
/// When the first talk began; nullopt: nobody has talked to the caller.
[[nodiscard]] std::optional<time_point> bridged_at(const state& s);

/// The organisation does not take this caller, whatever happens.
[[nodiscard]] inline bool turned_away(const state& s) {
    return s.routed.verdict == route_verdict::blocked_caller;
}

/// Whose a recording is: nothing of a talk is anybody's message, whichever leg the carrier tells it of.
[[nodiscard]] inline recording_purpose purpose_of(const state& s, const recording& r) {
    const bool only_talked = s.voicemail.step == voicemail_step::none && bridged_at(s);
    return only_talked ? recording_purpose::talk : r.purpose;
}

/// Where the call stands, by its facts and decisions. Total; `reconnecting` is never entered yet.
[[nodiscard]] phase phase_of(const state& s);
[[nodiscard]] inline bool over(const state& s) {
    return s.ended_at.has_value();
}

} // namespace z360::call
