// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What nobody has written down about Telnyx, as switches.
#pragma once

#include <z360/base/time.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace z360::sim {

using json = nlohmann::json;

/// Behaviour of Telnyx that its documents leave open. Tests run under every answer.
struct unknowns {
    enum class duplicate_answer : std::uint8_t { same_body, no_data };
    enum class fence_answer : std::uint8_t { refused, ok_without_effect };
    duplicate_answer duplicate = duplicate_answer::same_body; ///< 200 for a repeated command_id
    fence_answer fence = fence_answer::refused;               ///< prevent_double_bridge on a taken caller
    std::string fence_code = "10015";                         ///< code of that refusal
    millis fence_lag{0};               ///< the fence does not see bridges younger than this (not atomic)
    bool bridge_answers_caller = true; ///< bridging a parked caller answers it; else 90034
    bool linked_legs_end_with_caller = false; ///< link_to legs hang up by themselves with the caller
    bool unknown_leg_is_404 = false;          ///< else 422 90015
    bool answer_twice_fails = false;          ///< answer on an answered leg: 422 instead of 200
    bool stamp_each_attempt = true;           ///< telnyx-timestamp changes on webhook retries
    bool retry_other_4xx = false;             ///< webhooks answered 4xx (not 408, 429) are retried
    bool bare_credential_errors = false;      ///< 4xx of telephony_credentials come without a body
    bool lookup_of_gone_is_422 = false;       ///< GET /calls/{id} of an unknown leg: 422 90015, else 404
    bool lists_newest_first = false;          ///< call_events and webhook_deliveries
    enum class event_record : std::uint8_t { event, raw_text, raw_event };
    event_record record = event_record::event; ///< how call_events keep an event in their metadata
    bool prompt_ends_bear_newest_mark = true; ///< speak.ended: the leg's client_state, else its own command's
    bool bridge_names_recording = true; ///< its answer has the recording_id, as those to dial and answer
    unsigned outbound_channels = 0;     ///< concurrent dialed legs per connection; 0: no limit

    // ---- calls that a device places
    enum class device_address : std::uint8_t { sip_uri, bare, none };
    device_address address =
        device_address::sip_uri;          ///< form of from_sip_uri: sip:user@host, user@host, not there
    bool speaks_to_parked_device = true;  ///< speak before anything is answered; else 90034
    bool transfer_answers_device = true;  ///< call.answered of its leg once whom it calls has answered
    bool transfer_records_target = false; ///< the recording is of the new leg, else of the transferred one
    bool failed_transfer_ends_device = false; ///< its leg ends with the target's cause, else it stays parked
    bool transfer_outlives_device =
        false; ///< the target rings on when the device leaves, else it is cancelled

    [[nodiscard]] static unknowns from_json(const json& j);
};

} // namespace z360::sim
