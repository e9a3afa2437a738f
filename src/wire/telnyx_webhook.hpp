// SPDX-License-Identifier: LicenseRef-z360-proprietary
// A Telnyx webhook, read leniently: Telnyx sends null, leaves fields out and adds new ones at any time.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/call/event.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace z360::wire {

/// Bytes of the largest body looked at; real webhooks are a few KB.
inline constexpr std::size_t k_max_webhook_bytes = 1024 * 1024;
/// Deepest nesting of objects and arrays looked at; real webhooks need about five.
inline constexpr int k_max_webhook_depth = 32;

/// What we use of a webhook. A text is empty where the field is missing, null or of a type that makes no
/// sense (integers are taken as their digits). Nothing here is trusted beyond the signature: client_state in
/// particular comes from whoever started the leg.
struct telnyx_webhook {
    std::string event_id;   ///< key of deduplication; empty only in malformed events
    std::string event_type; ///< e.g. "call.hangup"; names of the event log are turned into these
    std::optional<time_point> occurred_at;
    std::string call_control_id;
    std::string call_leg_id;
    std::string call_session_id;
    std::string client_state; ///< base64 as received, possibly with whitespace
    std::string direction;    ///< "incoming", "outgoing" or empty
    std::string from;         ///< as sent; see read_caller
    std::string to;           ///< as sent; see read_called
    std::string connection_id;
    std::string hangup_cause;
    std::string sip_hangup_cause;
    std::string status;    ///< of speak.ended, playback.ended
    std::string media_url; ///< of playback.ended: what was played
    std::string digits;    ///< of gather.ended
    std::string reason;    ///< of recording.error
    std::string recording_id;
    std::string recording_url_mp3; ///< valid for ten minutes
    std::string recording_url_wav;
    std::string recording_url_public; ///< only on accounts with public links
    std::optional<time_point> recording_began_at, recording_ended_at;
    call::media_figures heard;          ///< of call.hangup
    std::optional<call::charge> charge; ///< of call.cost
    std::int64_t attempt = 0;           ///< delivery attempt from `meta`, from 1; 0: not told
};

/// Why a body is no webhook.
enum class envelope_fault : std::uint8_t {
    none,
    too_large,
    too_deep,
    not_json,
    not_an_event, ///< JSON, but neither the `data` envelope nor an event of the event log
    version_1,    ///< an event of the older webhook API, whose payloads have another shape
    id_too_long,  ///< an id that no carrier makes and no index holds
};
[[nodiscard]] std::string_view name(envelope_fault f);

/// Longest id of a call, leg or session that we keep, in bytes; real ones have at most about 120.
inline constexpr std::size_t k_longest_carrier_id = 256;

struct envelope {
    std::optional<telnyx_webhook> event;
    envelope_fault fault = envelope_fault::none; ///< set when there is no event
    std::string why = {};                        ///< the fault in words, with the fix where there is one
};

/// Reads the `{"data":{…},"meta":{…}}` envelope and the unwrapped shapes: Telnyx's event log
/// (`{"created_at","event_type","payload","webhook_id"}`), and the same without `payload`. Bytes that are no
/// UTF-8 and the like become U+FFFD. Texts that only people read are cut. Never throws but for lack of
/// memory.
[[nodiscard]] envelope parse_envelope(std::string_view body);

/// Whether two bodies tell the same event: equal `data`, however it is printed. `meta` (attempt,
/// delivered_to) is of a delivery, not of the event.
[[nodiscard]] bool same_event(std::string_view a, std::string_view b);

/// The core's event for a webhook, or nothing: a type that means nothing to a call, an event that names no
/// leg, or the first event of an incoming leg that is not ours, which needs a route (see is_new_caller).
/// `verified_leg` comes from a client_state whose MAC was checked. `received_at` stands in for a missing
/// occurred_at, by which holds are put in order and the ends of prompts told apart.
[[nodiscard]] std::optional<call::event> to_call_event(
    const telnyx_webhook& hook, std::optional<leg_id> verified_leg, time_point received_at = time_point{}
);

/// Which of our two kinds of webhook routes an event came by: the call control application's or the
/// credential connection's. Primary and failover are the same in this respect.
enum class webhook_source : std::uint8_t { call_control, credential };

/// True for the first event of somebody calling one of our numbers. Not for our own dials (verified_leg), not
/// for legs that devices start (credential route), and not for the device's side of our own dial, whose `to`
/// is a generated SIP user.
[[nodiscard]] bool
is_new_caller(const telnyx_webhook& hook, webhook_source source, std::optional<leg_id> verified_leg);

/// A leg that comes in for a device's SIP user at the call control application's route: one of ours seen from
/// the other side, nobody who calls a number.
[[nodiscard]] bool
is_own_leg(const telnyx_webhook& hook, webhook_source source, std::optional<leg_id> verified_leg);

/// `gencred…`, bare or as a SIP URI: a SIP user that Telnyx generated for a device, never a phone number.
[[nodiscard]] bool is_generated_sip_user(std::string_view address);

} // namespace z360::wire
