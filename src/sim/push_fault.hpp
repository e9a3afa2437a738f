// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Scripted misbehaviour of the push services.
#pragma once

#include "sim/push_types.hpp"

#include <optional>
#include <string>

namespace z360::sim {

/// Which requests a fault applies to. An empty text matches everything.
struct push_match {
    std::string provider; ///< apns, fcm, google_token
    std::string token;    ///< of a device: itself, or its hash as GET /sim/pushes shows it
    std::string kind;     ///< `type` of the payload, e.g. incoming_call
    unsigned nth = 0;     ///< only the nth match (from 1); 0: every match
    unsigned times = 0;   ///< at most so many applications; 0: no limit
    millis from{0};       ///< active from so long after the fault was set
    std::optional<millis> until;
};

struct push_fault {
    push_match match;
    int status = 0; ///< ≠ 0: refused with this status; the push reaches nobody
    std::string
        reason; ///< Apple's reason, FCM's errorCode, OAuth's error; empty: what that status usually has
    std::string quota; ///< FCM 429: device, project or topic
    std::optional<unsigned> retry_after_s;
    std::optional<millis> dead_for; ///< APNs 410: its timestamp is so long ago
    millis delay{0};                ///< the answer comes so much later
    /// Instead of an answer: stall (none ever), drop (the connection), reset (the stream), goaway.
    push_course::ending instead = push_course::ending::answer;
    bool processed = false; ///< with `instead`: the push takes effect all the same
    std::uint32_t code = 0; ///< of the RST_STREAM or GOAWAY
    bool code_given = false;

    [[nodiscard]] static push_fault from_json(const json& j);
};

} // namespace z360::sim
