// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The REST API under /api and the old product's /device-tokens: contract/api/openapi.json says what it
// promises.
#pragma once

#include "adapter/crypto/recording_link.hpp"
#include "adapter/crypto/ring_ticket.hpp"
#include "adapter/crypto/vault.hpp"
#include "edge/api/identity_sources.hpp"

#include <z360/config.hpp>
#include <z360/credential_manager.hpp>
#include <z360/engine/request.hpp>
#include <z360/http/server.hpp>
#include <z360/port/agent_desk.hpp>
#include <z360/port/books.hpp>
#include <z360/port/call_reader.hpp>
#include <z360/port/call_records.hpp>
#include <z360/port/client_reports.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/dead_letters.hpp>
#include <z360/port/device_registry.hpp>
#include <z360/port/directory.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/push_queue.hpp>
#include <z360/port/push_store.hpp>
#include <z360/port/rate_limiter.hpp>
#include <z360/port/recordings.hpp>
#include <z360/port/tenants.hpp>
#include <z360/port/token_store.hpp>

#include <functional>
#include <vector>

namespace z360::edge::api {

/// What the API stands on. Everything must outlive the routes.
struct api_ports {
    port::token_store& tokens;
    port::device_registry& devices;
    port::audit_log& audit;
    port::tenants& tenants;
    port::call_reader& calls;
    port::rate_limiter& limits;
    credential_manager::manager& credentials;
    const adapter::crypto::vault& vault;
    cookie_introspector* cookies = nullptr; ///< null: cookies are nobody's
    apple_checker* apple = nullptr;         ///< null: no Sign in with Apple
    const port::clock& clock;
    port::metrics& metrics;
    const config& settings;
    engine::request_door requests = {}; ///< empty: nobody can ask anything of a call
    /// A phone says what became of a push. Returns at once; empty: nobody wants to know. `rings`: the call is
    /// not over.
    std::function<void(const port::push_receipt&, bool rings)> push_receipt = {};
    /// Of requests that nobody waits for. Returns at once; empty: they are not made.
    std::function<void(engine::request)> ask_later = {};
    const adapter::crypto::ring_ticket_codec* tickets = nullptr; ///< null: there are none
    port::push_figures* pushes = nullptr;                        ///< null: nobody counts
    port::push_orders* orders = nullptr;                         ///< null: nothing is pushed
    std::function<void()> order_placed = {}; ///< something waits to be sent. Returns at once; empty: so be it
    port::directory* directory = nullptr;    ///< null: nobody can say where a call would go
    /// Recordings; null: there are none.
    port::recording_reader* recordings = nullptr;
    port::recording_vault* recording_vault = nullptr;       ///< null: they are at the carrier alone
    port::carrier_recordings* carrier_recordings = nullptr; ///< null: those cannot be had
    const adapter::crypto::recording_link_codec* recording_links = nullptr; ///< set with `recordings`
    port::client_reports* reports = nullptr;    ///< null: nobody keeps what apps report
    port::call_records* records = nullptr;      ///< null: there are no records of calls
    port::dead_letters* dead_letters = nullptr; ///< null: nobody keeps events that were given up
    port::book_reader* books = nullptr;         ///< conversations and messages; null: there are none
    port::agent_desk* agents = nullptr;         ///< null: no agent can ask who calls
};

/// Throws std::runtime_error naming the setting that cannot be used (trusted_proxies, versions, URLs).
[[nodiscard]] std::vector<http::route> api_routes(api_ports ports);

} // namespace z360::edge::api
