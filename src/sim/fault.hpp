// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Scripted misbehaviour of the carrier: of its webhooks and of its answers to commands.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>

namespace z360::sim {

using json = nlohmann::json;

/// Which occurrences a fault applies to. An empty text matches everything.
struct fault_match {
    /// "caller", "device" (any device leg), a SIP username, or a call_control_id.
    std::string leg;
    unsigned nth = 0;            ///< only the nth match (from 1); 0: every match
    unsigned times = 0;          ///< at most so many applications; 0: no limit
    millis from{0};              ///< active from so long after the fault was set
    std::optional<millis> until; ///< … and until then
    bool operator==(const fault_match&) const = default;
};

struct webhook_fault {
    fault_match match;
    std::string event_type; ///< e.g. "call.answered"
    millis delay{0};
    bool drop = false;         ///< never sent; appears as emitted in the journal only
    unsigned duplicates = 0;   ///< extra copies
    millis duplicate_after{0}; ///< distance between the copies
    bool new_id = false;       ///< copies get ids of their own (else the same `data.id`)
    bool after_next = false;   ///< reorder: held until the next webhook of the same session is out
    /// Nobody is reached: every attempt of a delivery that is made between match.from and match.until fails.
    /// The carrier tries again as ever, and lists what it gave up as a failed delivery. nth and times do not
    /// count here. `drop` is the loss that no list of deliveries knows of.
    bool unreachable = false;
    /// The bytes that are sent: "pretty" (printed over lines), "flat" (version 2 without `data`), "version_1"
    /// (the older API), "latin1" or "lone_surrogate" (a caller's name no strict parser takes); empty: as
    /// ever.
    std::string form;
    [[nodiscard]] static webhook_fault from_json(const json& j);
};

struct command_fault {
    fault_match match;
    std::string verb;       ///< dial, answer, bridge, hangup, … ; get_call, active_calls, call_events, … ;
                            ///< create_credential, get_…, list_credentials, update_…, delete_…, mint_token
    std::string credential; ///< id, name, tag or SIP username of a credential, "*": any; calls are left alone
    int fail_status = 0;    ///< ≠ 0: refused with this status, nothing happens
    std::string fail_code;  ///< code of the error envelope; default by status
    millis stall_before{0}; ///< acts so much later (and then answers)
    millis stall_reply{0};  ///< acts at once, answers so much later
    bool lose_reply = false; ///< acts, never answers
    bool no_effect = false;  ///< answers 200, does nothing
    std::string one_sided;   ///< bridge: only this side ("caller" or "device") gets call.bridged
    bool silent_leg =
        false; ///< dial: the new leg never sends a webhook; with lose_reply nobody is told of it
    /// What begins a recording: it acts, and call.recording.error with this reason follows; nothing is kept.
    std::string recording_error;
    bool unrecorded = false; ///< what begins a recording: acts, records nothing, and nobody is told
    bool empty_list = false; ///< lists: an empty page, whatever there is
    millis lag{0};           ///< lists: what is younger is not in them yet
    std::map<std::string, std::string> headers; ///< added to the answer, e.g. Retry-After
    [[nodiscard]] static command_fault from_json(const json& j);
};

/// A fault with its memory.
template <class Fault>
struct armed {
    Fault fault;
    time_point set_at{};
    unsigned seen = 0;
    unsigned applied = 0;

    /// Counts a match and tells whether the fault applies to it.
    bool fires(time_point now) {
        if (now < set_at + fault.match.from) return false;
        if (fault.match.until && now >= set_at + *fault.match.until) return false;
        ++seen;
        if (fault.match.nth != 0 && seen != fault.match.nth) return false;
        if (fault.match.times != 0 && applied >= fault.match.times) return false;
        ++applied;
        return true;
    }
};

} // namespace z360::sim
