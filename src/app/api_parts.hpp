// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include "adapter/crypto/vault.hpp"
#include "adapter/postgres/postgres.hpp"
#include "app/book_parts.hpp"
#include "app/credential_parts.hpp"
#include "app/push_parts.hpp"
#include "app/recording_parts.hpp"
#include "app/redis_parts.hpp"
#include "edge/api/api.hpp"
#include "edge/api/apple.hpp"
#include "edge/api/introspection.hpp"
#include "edge/api/jwks.hpp"

#include <z360/config.hpp>
#include <z360/engine/engine.hpp>
#include <z360/http/client.hpp>
#include <z360/rt/sync.hpp>

#include <memory>
#include <vector>

namespace z360::app {

/// What stands behind the API for devices and operators: its stores, and those who say who somebody is.
/// Lifecycle: construct → co_await stop() → destroy.
class api_parts {
  public:
    /// `db`: of what may wait, unlike calls.
    api_parts(
        const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
        std::shared_ptr<const adapter::crypto::vault> keys, credential_parts& credentials, redis_parts& redis,
        http::client& client, const port::clock& clock, port::metrics& metrics
    );
    ~api_parts();
    api_parts(const api_parts&) = delete;
    api_parts& operator=(const api_parts&) = delete;

    /// Where what devices ask of a call goes, and what they say of pushes.
    [[nodiscard]] std::vector<http::route> routes(
        engine::engine& calls, push_parts& pushes, recording_parts& recordings, book_parts& books,
        const adapter::crypto::ring_ticket_codec& tickets
    );
    [[nodiscard]] boost::asio::awaitable<void> stop();

  private:
    static boost::asio::awaitable<void> asked(engine::engine& calls, engine::request r);

    const config& config_;
    credential_parts& credentials_;
    redis_parts& redis_;
    const port::clock& clock_;
    port::metrics& metrics_;
    std::shared_ptr<const adapter::crypto::vault> vault_;
    std::unique_ptr<port::token_store> tokens_;
    std::unique_ptr<port::device_registry> devices_;
    std::unique_ptr<port::audit_log> audit_;
    std::unique_ptr<port::tenants> tenants_;
    std::unique_ptr<port::call_reader> calls_;
    std::unique_ptr<port::client_reports> reports_;
    std::unique_ptr<port::call_records> records_;
    std::unique_ptr<port::agent_desk> agents_;
    std::unique_ptr<port::directory> directory_;
    std::unique_ptr<port::dead_letters> dead_letters_;
    std::unique_ptr<edge::api::introspection> introspection_; ///< null: no cookies
    std::unique_ptr<edge::api::jwks> apple_keys_;             ///< null: no Sign in with Apple
    std::unique_ptr<edge::api::apple_verifier> apple_;
    std::unique_ptr<edge::api::cookie_introspector> cookies_;
    std::unique_ptr<edge::api::apple_checker> apple_checker_;
    rt::task_group tasks_;
};

} // namespace z360::app
