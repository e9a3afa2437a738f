// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What somebody may see of a call, and what they may ask of it now.
#pragma once

#include <z360/call/state.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::call {

/// Who looks. A device and a person see calls that came to their own person, of a ring plan once it is their
/// turn, within `org` where it is set; an operator sees those of `org`, or all where it is none.
struct viewer {
    enum class as : std::uint8_t { device, person, overseer };
    as who = as::person;
    user_id user;
    org_id org;       ///< none: whatever organisation
    device_id device; ///< of `device`
};

/// How far a device's leg has come, finer than its status.
enum class leg_step : std::uint8_t {
    none,
    dialing,
    dialed,
    ringing,
    answered,
    bridged,
    ended,
    released,
    failed
};
[[nodiscard]] std::string_view name(leg_step s);

/// A device's part in the call.
struct leg_view {
    device_id device;
    std::string device_name;
    device_status status = device_status::notified;
    leg_step step = leg_step::none;
    bool alive = false; ///< neither over nor told to stop
    bool rings = false; ///< told to ring, and neither answered nor over
    bool answered = false;
    bool won = false;      ///< it is the one that is joined to the caller, or about to be
    bool declined = false; ///< its device did not want the call
    release_reason release = release_reason::none;
    std::string hangup_cause; ///< the carrier's; for operators only
};

/// How it stands with the recording of the talk.
enum class recording_view : std::uint8_t {
    off,         ///< nobody talks, or it is not to be recorded
    on,          ///< for all that is known it is recorded
    paused,      ///< nothing is stored (I17)
    unavailable, ///< it is to be recorded, and is not
};
[[nodiscard]] std::string_view name(recording_view r);
[[nodiscard]] recording_view recording_seen(const state& s);

struct view {
    call_id id;
    std::string session; ///< the carrier's, or our id where it has none
    phase at = phase::ringing;
    end_reason reason = end_reason::none;
    user_id user;
    org_id org;
    bool outbound = false; ///< a device of ours calls
    /// The other party, whoever called, and the number of ours that was called, or as which we are shown.
    std::string caller_number, caller_name, number;
    std::optional<leg_view> mine;    ///< the looking device's; of several the one that matters most
    bool answered_elsewhere = false; ///< the looking device lost the call to another one
    std::optional<device_id> winner; ///< of whomever the call came to
    std::vector<leg_view> legs; ///< to an operator all, to a person their own; a device sees its own alone
    bool missed = false;        ///< nobody of ours talked to them
    recording_view recording = recording_view::off;
    time_point began{};
    time_point ring_deadline{};
    millis ring_time{};
    std::optional<time_point> answered_at, bridged_at, ended_at;
    std::optional<millis> talk;        ///< of all joins together; nullopt: it lives, or nobody talked
    std::vector<request_kind> allowed; ///< what the looking device may ask for now
};

/// nullopt: the call is nobody's that the viewer may know of. Pure.
[[nodiscard]] std::optional<view> view_of(const state& s, const viewer& who);

/// The device's leg: of several the one that matters most; null: none.
[[nodiscard]] const leg* leg_of(const state& s, device_id d);
/// How such a request of the device would be judged now, if it is in time; `ring` also needs ring time that
/// is left and a place where the device can be rung. Pure.
[[nodiscard]] refusal judge(const state& s, request_kind what, device_id device);
/// So much was asked of the call that older verdicts may have given way to those in the state.
[[nodiscard]] bool forgets_verdicts(const state& s);
/// The verdict about this request; null: not judged, or forgotten.
[[nodiscard]] const verdict* verdict_of(const state& s, std::string_view request);

} // namespace z360::call
