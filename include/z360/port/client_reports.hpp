// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What apps report of calls: what they measured, what happened on the phone. Nothing of a call rests on it.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// Who reports, and when it came.
struct reporter {
    tenant_scope who; ///< the person's: their calls alone take a report
    device_id device;
    std::string said_version; ///< of the SDK as the report claims; stored where the device's row says another
    time_point received_at{};
};

/// A few seconds of a call's sound as a device measured them.
struct client_sample {
    time_point client_at{}; ///< by the app's clock: the same sample again is known by it
    time_point at{};        ///< the same by ours
    std::optional<double> mos, jitter_ms, rtt_ms, loss_percent;
    std::string network, candidate, codec; ///< at most 32 bytes each
};

/// Something that happened on the phone.
struct client_event {
    std::string call;       ///< our id or the carrier's session
    std::string key;        ///< the same event again is known by it; 1 to 128 bytes
    time_point client_at{}; ///< by the app's clock
    time_point at{};        ///< by ours
    std::string name;       ///< ^[a-z][a-z0-9_]{0,47}$
    std::string detail;     ///< a JSON object
};

/// What became of a batch.
struct reports_taken {
    std::size_t stored = 0; ///< the others were known, or are of unknown calls, or too many
    /// Calls that are nobody's whom the reporter may know of, as they were named.
    std::vector<std::string> unknown_calls;
};

/// At most so much is kept of one device in one call; the rest is dropped.
inline constexpr std::size_t k_most_samples = 4'000;
inline constexpr std::size_t k_most_client_events = 1'000;

/// Under row-level security of the reporter. Each batch is stored whole or not at all, and again changes
/// nothing. May throw unavailable.
class client_reports {
  public:
    virtual ~client_reports() = default;
    /// Of one call.
    virtual boost::asio::awaitable<reports_taken>
    add_samples(reporter by, std::string call, std::vector<client_sample> all) = 0;
    virtual boost::asio::awaitable<reports_taken> add_events(reporter by, std::vector<client_event> all) = 0;
    /// The event, and that the device is to use a relay until then; a later time that is set already stays.
    virtual boost::asio::awaitable<reports_taken>
    media_failed(reporter by, client_event what, time_point relay_until) = 0;
};

} // namespace z360::port
