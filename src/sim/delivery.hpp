// SPDX-License-Identifier: LicenseRef-z360-proprietary
// How long and whereto a webhook is tried. Pure.
#pragma once

#include "sim/carrier.hpp"

#include <optional>
#include <string>
#include <vector>

namespace z360::sim {

/// The two addresses of a connection.
struct webhook_urls {
    std::string primary;
    std::string failover; ///< empty: none
};

struct delivery_policy {
    millis timeout{2000};
    unsigned primary_attempts = 2; ///< consecutive failures before the failover address is used
    unsigned failover_attempts = 2;
    millis retry_after{0};        ///< without a retries policy on the call
    bool alternate = false;       ///< every second webhook tries the failover address first: two nodes share
    bool retry_other_4xx = false; ///< 408, 429, 3xx and 5xx always are
};

struct delivery_step {
    std::string url;
    millis wait{0};
};

/// The next attempt after `failures` failed ones, the last with `last_status` (0: no HTTP answer); nullopt:
/// given up.
[[nodiscard]] std::optional<delivery_step> next_attempt(
    const delivery_policy& policy, const webhook_urls& urls,
    const std::optional<std::vector<millis>>& retries, unsigned failures, int last_status
);

} // namespace z360::sim
