// SPDX-License-Identifier: LicenseRef-z360-proprietary
// port::carrier_records over HTTP.
#pragma once

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/carrier_records.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace z360::adapter::telnyx {

struct records_client_settings {
    std::string base_url; ///< with version
    secret api_key;
    std::string connection_id; ///< whose legs are listed
    /// The other connection whose failed deliveries are ours too. With both empty every one in the account
    /// is.
    std::string credential_connection_id;
    millis connect_timeout{1'000};
    millis attempt_timeout{3'000}; ///< of a request; also the longest wait for its turn
    millis probe_every{500};       ///< pause between probes of an open breaker
    /// As many rings may end unanswered in a second as begin: the carrier is asked about each (I21).
    unsigned requests_per_second = 30;
    unsigned burst = 10;
    std::size_t max_in_flight = 8;
    std::size_t max_waiting = 64; ///< for one of those; who comes on top is refused at once
};
[[nodiscard]] records_client_settings records_settings_from(const config::telnyx_t& c);

/// Everything passed by reference must outlive the client. Use on the executor's single thread only; all
/// questions must have ended before destruction. Of an account that several environments share, only
/// deliveries of our own connections are told; an event that names no connection is told unless it is the
/// first of a call. A page's events are in order, pages need not be: Telnyx decides what it lists first.
[[nodiscard]] std::unique_ptr<port::carrier_records> make_carrier_records(
    boost::asio::any_io_executor ex, records_client_settings settings, http::client& http,
    const port::clock& clock, port::metrics& metrics
);

} // namespace z360::adapter::telnyx
