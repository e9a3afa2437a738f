// SPDX-License-Identifier: LicenseRef-z360-proprietary
// port::carrier_recordings over HTTP.
#pragma once

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/recordings.hpp>

#include <memory>
#include <string>

namespace z360::adapter::telnyx {

struct recordings_client_settings {
    std::string base_url; ///< with version. Recordings come from https alone unless it is http itself
    secret api_key;
    millis connect_timeout{3'000};
    millis attempt_timeout{10'000};  ///< of a question
    millis fetch_timeout{1'800'000}; ///< of a whole content
    millis stall_timeout{30'000};
    unsigned requests_per_second = 10; ///< questions and removals
    millis longest_wait{5'000};        ///< for one's turn; then it is `unavailable`
};
[[nodiscard]] recordings_client_settings recordings_settings_from(const config::telnyx_t& c);

/// Everything passed by reference must outlive it. On the loop's thread alone. Addresses bear rights of their
/// own and are neither logged nor in errors.
[[nodiscard]] std::unique_ptr<port::carrier_recordings>
make_carrier_recordings(recordings_client_settings settings, http::client& http, port::metrics& metrics);

} // namespace z360::adapter::telnyx
