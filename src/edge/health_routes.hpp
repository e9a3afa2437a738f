// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/readiness.hpp"

#include <z360/http/server.hpp>

#include <functional>
#include <vector>

namespace z360::edge {

using readiness_probe = std::function<std::vector<readiness>()>;

/// GET /healthz (the process is alive), /readyz (it may take traffic: 200, else 503), /metrics (Prometheus).
[[nodiscard]] std::vector<http::route> health_routes(readiness_probe probe, port::metrics& metrics);

} // namespace z360::edge
