// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the core wants done. Data only: the engine stores effects with the state in one transaction and runs
// them afterwards (persist, then act).
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/event.hpp>
#include <z360/call/state.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace z360::call {

/// POST /calls. The command id is the leg's own uuid, so a repeated dial within 60 s is one phone call.
struct dial_body {
    leg_id leg;
    std::string sip_username;
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
};
struct playback_stop_body {};
struct record_start_body {
    int max_length_secs = 120;
    std::string name; ///< ≤ 40 characters
};
using command_body = std::variant<
    dial_body, answer_body, bridge_body, hangup_body, reject_body, speak_body, playback_start_body,
    playback_stop_body, record_start_body>;

/// One Telnyx command. `id` is deterministic: the same decision made twice, here or on another node, gives
/// the same id, and Telnyx ignores the repeat for 60 s (I7).
struct command {
    std::string id;
    call_id call{}; ///< with `org`: of the mark that the caller's leg bears; none in commands of form 1
    org_id org{};
    std::string call_control_id; ///< addressed leg; empty for a dial
    std::optional<leg_id> leg;   ///< the device leg concerned; nullopt: the caller's leg
    time_point issued_at{};
    time_point deadline{}; ///< no attempt starts later; the outcome is `expired` then
    command_body body;

    [[nodiscard]] verb what() const { return static_cast<verb>(body_to_verb[body.index()]); }

  private:
    static constexpr int body_to_verb[] = {
        static_cast<int>(verb::dial),           static_cast<int>(verb::answer),
        static_cast<int>(verb::bridge),         static_cast<int>(verb::hangup),
        static_cast<int>(verb::reject),         static_cast<int>(verb::speak),
        static_cast<int>(verb::playback_start), static_cast<int>(verb::playback_stop),
        static_cast<int>(verb::record_start),
    };
};

/// A line of the call's timeline, for people and for the call log.
struct note {
    std::string what;   ///< snake_case fact, e.g. "winner_claimed"
    std::string detail; ///< `key=value …`; no secrets, no names
};

/// The carrier is to be asked what it knows of this call, before something is given up for want of a webhook.
/// Not stored: the state holds that it was asked and until when an answer is waited for, so whoever finds the
/// call overdue asks again. The answer is `carrier_told`.
struct inquiry {
    std::uint32_t round = 0; ///< counts the questions of one call, from 1; comes back with the answer
    bool operator==(const inquiry&) const = default;
};

using effect = std::variant<command, note, inquiry>;

} // namespace z360::call
