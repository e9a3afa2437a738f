// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "sim/delivery.hpp"

namespace z360::sim {

std::optional<delivery_step> next_attempt(
    const delivery_policy& policy, const webhook_urls& urls,
    const std::optional<std::vector<millis>>& retries, unsigned failures, int last_status
) {
    if (urls.primary.empty()) return std::nullopt;
    const bool final_4xx =
        last_status >= 400 && last_status < 500 && last_status != 408 && last_status != 429;
    if (final_4xx && !policy.retry_other_4xx) return std::nullopt;
    const auto most = retries ? 1 + retries->size() : policy.primary_attempts + policy.failover_attempts;
    if (failures >= most) return std::nullopt;
    delivery_step step;
    const bool over = failures >= policy.primary_attempts && !urls.failover.empty();
    step.url = over ? urls.failover : urls.primary;
    if (failures > 0) step.wait = retries ? retries->at(failures - 1) : policy.retry_after;
    return step;
}

} // namespace z360::sim
