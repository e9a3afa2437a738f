// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "edge/api/address.hpp"
#include "edge/readiness.hpp"

#include <z360/base/secret.hpp>
#include <z360/http/server.hpp>

#include <functional>
#include <vector>

namespace z360::edge {

using readiness_probe = std::function<std::vector<readiness>()>;

/// Who sees figures and details: this machine (a loopback peer that nobody has forwarded), and who brings the
/// token.
struct health_access {
    secret token;              ///< empty: no token opens anything
    api::address_list proxies; ///< whose word counts about who asks
    bool metrics = true;       ///< /metrics is here; false: on a listener of its own
    bool open = false;         ///< this listener is for people who may see everything
};
[[nodiscard]] bool may_see_details(const http::request& req, const health_access& who);

/// GET /healthz (the process is alive), /readyz (it may take traffic: 200, else 503; details only to whom
/// they are for), /metrics (Prometheus; to others 403, or 401 where a token would help).
[[nodiscard]] std::vector<http::route>
health_routes(readiness_probe probe, port::metrics& metrics, health_access who);

} // namespace z360::edge
