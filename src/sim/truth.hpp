// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What really happened inside the simulated carrier. Tests judge our server by this, never by its own word.
#pragma once

#include "sim/credentials.hpp"
#include "sim/rules.hpp"

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace z360::sim {

enum class leg_kind : std::uint8_t {
    caller,          ///< came in from the telephone network
    device,          ///< dialed by us to a SIP identity
    number,          ///< dialed by us to a telephone number
    address,         ///< dialed by us to a SIP address that is not the carrier's
    device_outgoing, ///< placed by a device, parked on the credential connection
};

/// A leg as it is now.
struct leg_view {
    std::string call_control_id;
    std::string call_leg_id;
    std::string call_session_id;
    std::string connection_id;
    leg_kind kind = leg_kind::caller;
    std::string from;
    std::string to;
    std::string username; ///< SIP identity of a device leg
    std::string link_to;
    json client_state; ///< null or base64 text
    time_point began{};
    std::optional<time_point> ringing_since; ///< the phone makes noise since
    std::optional<time_point> answered_at;
    std::optional<time_point> ended_at;
    std::string bridged_with; ///< call_control_id, empty: nobody
    std::string hangup_cause;
    std::string hangup_source;
    bool recording = false;
    bool recording_paused = false; ///< all that is recorded on it
    bool playing = false;          ///< speech or audio

    [[nodiscard]] bool alive() const { return !ended_at; }
    /// It came to the carrier by itself; the carrier dialed all others.
    [[nodiscard]] bool calls() const { return kind == leg_kind::caller || kind == leg_kind::device_outgoing; }
    [[nodiscard]] bool ringing() const { return alive() && ringing_since && !answered_at; }
};

/// Two legs joined, from `began` on.
struct bridge_record {
    std::string caller; ///< the leg that was there first (for a ring: the caller)
    std::string device;
    std::string session;
    time_point began{};
    std::optional<time_point> ended{};
    bool displaced_another = false; ///< the caller was taken from a live bridge with somebody else
};

struct command_record {
    std::uint64_t id = 0;
    time_point at{};
    std::optional<time_point> acted_at; ///< empty: refused or not acted
    std::optional<time_point> replied_at;
    std::string verb;
    std::string session;
    std::string call_control_id; ///< addressed leg; for a dial the new one
    /// dial and transfer: SIP username or number; bridge: leg in the body; create_credential: its name
    std::string target;
    std::string credential_id; ///< addressed credential; for a create the new one
    std::string command_id;
    json body;
    int status = 0;         ///< 0: no reply yet, or lost
    std::string code;       ///< of the error envelope
    bool duplicate = false; ///< ignored because of its command_id
    std::string fault;      ///< which scripted fault hit it
    [[nodiscard]] bool accepted() const { return status >= 200 && status < 300; }
};

struct delivery_attempt {
    std::string url;
    time_point started{};
    time_point finished{};
    int status = 0; ///< 0: no HTTP answer
    std::string error;
    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

enum class delivery_state : std::uint8_t { queued, sending, delivered, failed, dropped };
[[nodiscard]] std::string_view name(delivery_state s);

struct webhook_record {
    std::uint64_t id = 0;
    std::string event_id;
    std::string event_type;
    std::string call_control_id;
    std::string session;
    time_point emitted_at{};
    time_point due{};
    delivery_state state = delivery_state::queued;
    bool copy = false; ///< a scripted duplicate
    json data;         ///< the `data` object as sent
    std::vector<delivery_attempt> attempts;
};

/// What was recorded, once it is over.
struct saved_recording {
    std::string id;
    std::string session;
    std::string call_control_id;
    std::string call_leg_id;
    std::string channels;
    std::string format;
    time_point began{};
    time_point ended{};
    time_point listed_from{}; ///< with its webhook
    /// From when to when it was paused: nothing is stored of that.
    std::vector<std::pair<time_point, time_point>> pauses;
    [[nodiscard]] millis length() const {
        auto out = ended - began;
        for (const auto& [from, to] : pauses)
            out -= to - from;
        return out;
    }
    std::optional<time_point> removed_at;
};

struct phone_record {
    time_point at{};
    std::string session;
    std::string call_control_id;
    std::string username;
    std::string what; ///< ringing, answers, declines, unreachable, hangs_up, lost, stops
};

struct violation {
    time_point at{};
    std::string verb;
    std::string call_control_id;
    complaint what;
};

struct truth {
    std::vector<std::string> sessions; ///< in order of arrival
    std::map<std::uint64_t, command_record> commands;
    std::map<std::uint64_t, webhook_record> webhooks;
    std::vector<bridge_record> bridges;
    std::vector<phone_record> phones;
    std::vector<violation> violations;
    std::vector<saved_recording> recordings;
    credential_book credentials; ///< with every login token

    /// Greatest number of different device legs that one caller was ever joined to.
    [[nodiscard]] std::size_t most_devices_per_caller() const;
    /// How often somebody was taken out of a live conversation by another bridge.
    [[nodiscard]] std::size_t displaced_bridges() const;
    [[nodiscard]] std::vector<const command_record*>
    commands_of(std::string_view verb, std::string_view session = {}) const;
    [[nodiscard]] std::vector<const webhook_record*>
    webhooks_of(std::string_view type, std::string_view session = {}) const;
};

[[nodiscard]] json to_json(const leg_view& l);
[[nodiscard]] json to_json(const bridge_record& b);
[[nodiscard]] json to_json(const command_record& c);
[[nodiscard]] json to_json(const webhook_record& w);
[[nodiscard]] json to_json(const violation& v);

} // namespace z360::sim
