// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the carrier has on record about calls: asked when webhooks do not come (gap D11, BE-09). Reading only.
#pragma once

#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// An event as the carrier keeps it, in the form of a webhook: `{"data":{...}}`.
struct recorded_event {
    std::string event_id; ///< `data.id`, the same as in the webhook; empty: the record has none
    std::string body;
    time_point at{}; ///< when it occurred, by the carrier's clock
};
struct recorded_events {
    std::vector<recorded_event> events; ///< oldest first
    std::string next;                   ///< cursor of the next page; empty: that was all
};

/// Whether a leg lives. `unknown` covers everything that proves nothing.
enum class leg_life : std::uint8_t { alive, gone, unknown };

/// A leg that lives now.
struct live_leg {
    std::string call_control_id;
    std::string call_session_id;
    std::string client_state; ///< as we set it; base64
    std::int64_t seconds = 0; ///< how long it has lasted
};
struct live_legs {
    std::vector<live_leg> legs;
    std::string next; ///< cursor of the next page; empty: that was all
};

/// Every function throws unavailable when the carrier gave no usable answer (network, 5xx, 429, a rejected
/// key). Paced and bounded in time by the adapter (GET /webhook_deliveries, /call_events, /calls/{id},
/// /connections/{id}/active_calls; reference: Telnyx OpenAPI).
class carrier_records {
  public:
    virtual ~carrier_records() = default;

    /// Webhooks that were delivered to nobody, whose delivery began at or after `since`.
    virtual boost::asio::awaitable<recorded_events>
    failed_deliveries(time_point since, std::string cursor) = 0;
    /// All events of one session (every leg of it).
    virtual boost::asio::awaitable<recorded_events>
    events_of_session(std::string call_session_id, std::string cursor) = 0;
    /// Whether this leg lives. The carrier says "not alive" of a leg just dialed as well: ask about legs that
    /// were seen alive, or are older than a few seconds. Forgets legs ten minutes after their end: `gone`
    /// then.
    virtual boost::asio::awaitable<leg_life> life_of(std::string call_control_id) = 0;
    /// All legs that live on our connection.
    virtual boost::asio::awaitable<live_legs> active_legs(std::string cursor) = 0;
};

} // namespace z360::port
