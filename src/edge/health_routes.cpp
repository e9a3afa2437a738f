// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/health_routes.hpp"

#include <boost/asio/ip/address.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

namespace z360::edge {
namespace {

using access_ptr = std::shared_ptr<const health_access>;

// In a time that tells nothing about where they differ.
bool same(std::string_view given, std::string_view expected) {
    unsigned difference = given.size() == expected.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i)
        difference |=
            static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(expected[i % expected.size()]);
    return difference == 0;
}

bool brings(const http::request& req, const secret& token) {
    if (token.empty()) return false;
    constexpr std::string_view k_scheme = "bearer ";
    std::string_view given = req.headers.get("Authorization");
    if (given.size() < k_scheme.size()) return false;
    const bool bearer = std::equal(k_scheme.begin(), k_scheme.end(), given.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
    });
    return bearer && same(given.substr(k_scheme.size()), token.reveal());
}

bool is_loopback(const std::string& text) {
    boost::system::error_code ec;
    auto a = boost::asio::ip::make_address(text, ec);
    if (ec) return false;
    if (a.is_v6() && a.to_v6().is_v4_mapped())
        a = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6());
    return a.is_loopback();
}

// Behind a proxy on this machine everybody comes from loopback: a proxy that says for whom it asks is not
// this machine.
bool forwarded(const http::request& req) {
    constexpr std::array<std::string_view, 6> k_signs{"Forwarded",        "X-Forwarded-For",
                                                      "X-Forwarded-Host", "X-Forwarded-Proto",
                                                      "X-Real-IP",        "Via"};
    return std::any_of(k_signs.begin(), k_signs.end(), [&](std::string_view name) {
        return !req.headers.get(name).empty();
    });
}

boost::asio::awaitable<http::response> healthz() {
    co_return http::response::json(200, R"({"status":"alive"})");
}

boost::asio::awaitable<http::response> readyz(readiness_probe probe, access_ptr who, http::request req) {
    const bool details = may_see_details(req, *who);
    bool ready = true;
    nlohmann::json checks = nlohmann::json::object();
    for (const auto& r : probe()) {
        ready = ready && (r.ok || !r.needed);
        nlohmann::json one{{"ok", r.ok}, {"needed", r.needed}};
        if (details && !r.detail.empty()) one["detail"] = r.detail;
        checks[r.name] = std::move(one);
    }
    nlohmann::json body{{"ready", ready}, {"checks", std::move(checks)}};
    // An error's text may be anything; what is no UTF-8 in it must not make this a 500.
    constexpr auto k_replace = nlohmann::json::error_handler_t::replace;
    co_return http::response::json(ready ? 200 : 503, body.dump(-1, ' ', false, k_replace));
}

boost::asio::awaitable<http::response>
metrics_text(port::metrics* metrics, access_ptr who, http::request req) {
    if (may_see_details(req, *who))
        co_return http::response::text(200, metrics->text(), "text/plain; version=0.0.4; charset=utf-8");
    if (who->token.empty())
        co_return http::response::problem(
            403, "metrics_closed", "Figures are for this machine alone",
            "Ask from loopback, set metrics.token and send it as a bearer token, or set metrics.port"
        );
    auto r = http::response::problem(
        401, "metrics_token_needed", "Figures need the token of metrics.token",
        "Send it as Authorization: Bearer, or ask from the machine itself"
    );
    r.headers.add("WWW-Authenticate", "Bearer");
    co_return r;
}

} // namespace

bool may_see_details(const http::request& req, const health_access& who) {
    if (brings(req, who.token)) return true;
    if (who.open && who.token.empty()) return true;
    if (!is_loopback(req.remote_address)) return false;
    if (!forwarded(req)) return true;
    // A trusted proxy's word counts, also that its client is this machine.
    const auto client = api::look_behind(req, who.proxies);
    return !req.headers.get("X-Forwarded-For").empty() && who.proxies.trusts(req.remote_address) &&
           is_loopback(client.address);
}

std::vector<http::route> health_routes(readiness_probe probe, port::metrics& metrics, health_access access) {
    const auto who = std::make_shared<const health_access>(std::move(access));
    // Reserved: a node whose places are taken is not dead, and whoever looks after it must see why.
    std::vector<http::route> out;
    out.push_back({"GET", "/healthz", [](const http::request&) { return healthz(); }, true});
    out.push_back(
        {"GET", "/readyz", [probe, who](http::request req) { return readyz(probe, who, std::move(req)); },
         true}
    );
    if (who->metrics)
        out.push_back(
            {"GET", "/metrics",
             [&metrics, who](http::request req) { return metrics_text(&metrics, who, std::move(req)); }, true}
        );
    return out;
}

} // namespace z360::edge
