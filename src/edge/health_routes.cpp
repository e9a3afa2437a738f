// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/health_routes.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace z360::edge {
namespace {

boost::asio::awaitable<http::response> healthz() {
    co_return http::response::json(200, R"({"status":"alive"})");
}

boost::asio::awaitable<http::response> readyz(readiness_probe probe) {
    bool ready = true;
    nlohmann::json checks = nlohmann::json::object();
    for (const auto& r : probe()) {
        ready = ready && (r.ok || !r.needed);
        nlohmann::json one{{"ok", r.ok}, {"needed", r.needed}};
        if (!r.detail.empty()) one["detail"] = r.detail;
        checks[r.name] = std::move(one);
    }
    nlohmann::json body{{"ready", ready}, {"checks", std::move(checks)}};
    // An error's text may be anything; what is no UTF-8 in it must not make this a 500.
    constexpr auto k_replace = nlohmann::json::error_handler_t::replace;
    co_return http::response::json(ready ? 200 : 503, body.dump(-1, ' ', false, k_replace));
}

boost::asio::awaitable<http::response> metrics_text(port::metrics& metrics) {
    co_return http::response::text(200, metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
}

} // namespace

std::vector<http::route> health_routes(readiness_probe probe, port::metrics& metrics) {
    std::vector<http::route> out;
    out.push_back({"GET", "/healthz", [](const http::request&) { return healthz(); }});
    out.push_back({"GET", "/readyz", [probe](const http::request&) { return readyz(probe); }});
    out.push_back({"GET", "/metrics", [&metrics](const http::request&) { return metrics_text(metrics); }});
    return out;
}

} // namespace z360::edge
