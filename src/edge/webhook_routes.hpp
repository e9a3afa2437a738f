// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The carrier's door: POST /webhooks/cpaas/telnyx/{call-control,credential}[/failover].
#pragma once

#include "adapter/crypto/webhook_verifier.hpp"

#include <z360/engine/engine.hpp>
#include <z360/http/server.hpp>

#include <memory>
#include <vector>

namespace z360::edge {

/// The four webhook routes, one pipeline (BE-17): verify the raw bytes, make them durable, answer 200.
///  - 200 stored, spooled, or known already
///  - 403 not genuine: nothing else happens, the reason is counted (SEC-01, I13)
///  - 503 genuine but not storable now: the carrier tries again
/// `engine` and `metrics` outlive the routes.
[[nodiscard]] std::vector<http::route> webhook_routes(
    std::shared_ptr<const adapter::crypto::webhook_verifier> verifier, engine::engine& engine,
    port::clock& clock, port::metrics& metrics
);

} // namespace z360::edge
