// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "edge/webhook_routes.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::edge {
namespace {

using adapter::crypto::verdict;

struct door {
    std::shared_ptr<const adapter::crypto::webhook_verifier> verifier;
    engine::engine& engine;
    port::clock& clock;
    port::metrics& metrics;
    log::sparse refused{}; ///< one line a minute, however many webhooks come while nothing is durable
};

std::string_view label(port::webhook_route r) {
    switch (r) {
    case port::webhook_route::call_control: return "call_control";
    case port::webhook_route::call_control_failover: return "call_control_failover";
    case port::webhook_route::credential: return "credential";
    case port::webhook_route::credential_failover: return "credential_failover";
    case port::webhook_route::own: break;
    }
    return "?";
}

bool is_failover(port::webhook_route r) {
    return r == port::webhook_route::call_control_failover || r == port::webhook_route::credential_failover;
}

boost::asio::awaitable<http::response>
receive(std::shared_ptr<door> d, port::webhook_route route, http::request req) {
    const auto arrived = rt::clock::now();
    const auto now = d->clock.now();
    const auto v = d->verifier->verify(req.headers, req.body, now);
    if (v != verdict::genuine) {
        d->metrics.count("webhooks_refused_total", {{"reason", adapter::crypto::name(v)}});
        co_return http::response::problem(403, "webhook_refused", "The webhook is not genuine");
    }
    d->metrics.count(
        "webhooks_total", {{"route", label(route)}, {"via", is_failover(route) ? "failover" : "primary"}}
    );
    engine::genuine_webhook hook{route, now, std::move(req.body), arrived};
    auto result = engine::accepted::stored;
    try {
        result = co_await d->engine.accept(std::move(hook));
    } catch (const port::unavailable& e) {
        if (const auto silent = d->refused.due())
            log::error("webhook_not_stored", {{"why", e.what()}, {"more", *silent}});
        d->metrics.count("webhooks_not_stored_total");
        auto r = http::response::problem(503, "not_stored", "The event could not be stored; send it again");
        r.headers.set("Retry-After", "1");
        co_return r;
    }
    if (result == engine::accepted::duplicate) d->metrics.count("webhooks_duplicate_total");
    co_return http::response::json(200, "{}");
}

http::route one(std::string pattern, port::webhook_route route, const std::shared_ptr<door>& d) {
    return {
        "POST", std::move(pattern),
        [d, route](http::request req) { return receive(d, route, std::move(req)); }, true
    };
}

} // namespace

std::vector<http::route> webhook_routes(
    std::shared_ptr<const adapter::crypto::webhook_verifier> verifier, engine::engine& engine,
    port::clock& clock, port::metrics& metrics
) {
    using port::webhook_route;
    const auto d = std::make_shared<door>(door{std::move(verifier), engine, clock, metrics});
    for (const auto v :
         {verdict::missing_header, verdict::duplicate_header, verdict::bad_timestamp, verdict::stale,
          verdict::bad_format, verdict::no_key_matches})
        metrics.count("webhooks_refused_total", {{"reason", adapter::crypto::name(v)}}, 0);
    metrics.count("webhooks_not_stored_total", {}, 0);
    const std::string base = "/webhooks/cpaas/telnyx";
    std::vector<http::route> out;
    out.push_back(one(base + "/call-control", webhook_route::call_control, d));
    out.push_back(one(base + "/call-control/failover", webhook_route::call_control_failover, d));
    out.push_back(one(base + "/credential", webhook_route::credential, d));
    out.push_back(one(base + "/credential/failover", webhook_route::credential_failover, d));
    return out;
}

} // namespace z360::edge
