// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <z360/http/server.hpp>

#include <functional>
#include <string>
#include <vector>

namespace z360::edge {

/// One thing that /readyz looks at.
struct readiness {
    std::string name; ///< "database", "redis", "draining"
    bool ok = false;
    bool needed = true; ///< false: shown, but traffic is welcome without it
    std::string detail; ///< for people; no secrets
};
using readiness_probe = std::function<std::vector<readiness>()>;

/// GET /healthz (the process is alive), /readyz (it may take traffic: 200, else 503), /metrics (Prometheus).
[[nodiscard]] std::vector<http::route> health_routes(readiness_probe probe, port::metrics& metrics);

} // namespace z360::edge
