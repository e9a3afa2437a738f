// SPDX-License-Identifier: LicenseRef-z360-proprietary
// port::telnyx_api over HTTP. One coroutine per command; it may be cancelled and simply started again,
// because the command's id makes a repeat harmless for 60 s.
#pragma once

#include "adapter/crypto/agent_reference.hpp"
#include "adapter/crypto/client_state.hpp"
#include "wire/telnyx_command.hpp"

#include <z360/config.hpp>
#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/ring_hint.hpp>
#include <z360/port/telnyx_api.hpp>
#include <z360/rt/retry.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace z360::adapter::telnyx {

struct client_settings {
    std::string base_url; ///< with version, without a slash at the end
    secret api_key;
    wire::command_settings commands;
    millis connect_timeout{1'000};
    millis attempt_timeout{3'000};
    millis hedge_after{500};
    millis probe_every{500};         ///< pause between probes of an open breaker
    millis insist_every{5'000};      ///< between two tries of a refused hang-up or reject
    unsigned repeats_per_second = 5; ///< of all hang-ups and rejects that are refused or in an outage
    /// Commands in flight; each may have one identical resend on top.
    std::size_t max_in_flight = 256;
};
[[nodiscard]] client_settings settings_from(const config::telnyx_t& c);

/// `jitter` is random by default. Everything passed by reference must outlive the client. Use on the
/// executor's single thread only; all executions must have ended before destruction.
[[nodiscard]] std::unique_ptr<port::telnyx_api> make_telnyx_api(
    boost::asio::any_io_executor ex, client_settings settings, http::client& http,
    const crypto::client_state_codec& codec, crypto::agent_references references, port::dial_budget& budget,
    const port::clock& clock, port::metrics& metrics, rt::chance_source jitter = {}
);

} // namespace z360::adapter::telnyx
