// SPDX-License-Identifier: LicenseRef-z360-proprietary
// port::telnyx_credentials over HTTP.
#pragma once

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace z360::adapter::telnyx {

struct credentials_client_settings {
    std::string base_url; ///< with version
    secret api_key;
    millis connect_timeout{1'000};
    millis attempt_timeout{3'000}; ///< of a request; also the longest wait for its turn
    millis probe_every{500};       ///< pause between probes of an open breaker
    unsigned requests_per_second = 10;
    unsigned burst = 10;
};
[[nodiscard]] credentials_client_settings
credentials_settings_from(const config::telnyx_t& c, const config::credentials_t& pace);

/// Everything passed by reference must outlive the client. Use on the executor's single thread only; all
/// requests must have ended before destruction.
[[nodiscard]] std::unique_ptr<port::telnyx_credentials> make_telnyx_credentials(
    boost::asio::any_io_executor ex, credentials_client_settings settings, http::client& http,
    const port::clock& clock, port::metrics& metrics
);

} // namespace z360::adapter::telnyx
