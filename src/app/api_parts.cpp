// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/api_parts.hpp"

#include "adapter/telnyx/credentials_client.hpp"
#include "app/parts_settings.hpp"
#include "edge/api/identity_adapters.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::app {

api_parts::api_parts(
    const boost::asio::any_io_executor& ex, const config& c, redis_parts& redis, http::client& client,
    const port::clock& clock, port::metrics& metrics
)
    : config_(c), redis_(redis), clock_(clock), metrics_(metrics),
      vault_(adapter::crypto::vault::open(c.secrets.key_file)), database_(api_database(c), &metrics),
      tokens_(adapter::postgres::make_token_store(database_)),
      devices_(adapter::postgres::make_device_registry(database_, vault_)),
      audit_(adapter::postgres::make_audit_log(database_)),
      tenants_(adapter::postgres::make_tenants(database_, c.telnyx.connection_id)),
      calls_(adapter::postgres::make_call_reader(database_)),
      store_(adapter::postgres::make_credential_store(database_, vault_)),
      carrier_(adapter::telnyx::make_telnyx_credentials(
          ex, adapter::telnyx::credentials_settings_from(c.telnyx, c.credentials), client, clock, metrics
      )),
      credentials_(engine::make_credentials(ex, *store_, *carrier_, clock, metrics, credential_settings(c))),
      tasks_(ex) {
    if (!c.auth.introspection_url.empty()) {
        edge::api::introspection_settings s;
        s.url = c.auth.introspection_url;
        s.cache = c.auth.introspection_cache;
        introspection_ = std::make_unique<edge::api::introspection>(ex, client, clock, metrics, std::move(s));
        cookies_ = std::make_unique<edge::api::introspected_cookies>(*introspection_);
    }
    if (!c.apple.client_ids.empty()) {
        apple_keys_ = std::make_unique<edge::api::jwks>(ex, client, clock, metrics, c.apple.keys_url);
        apple_ = std::make_unique<edge::api::apple_verifier>(*apple_keys_, clock, c.apple);
        apple_checker_ = std::make_unique<edge::api::apple_tokens>(*apple_);
    }
}

api_parts::~api_parts() = default;

std::vector<http::route> api_parts::routes(
    engine::engine& calls, push_parts& pushes, const adapter::crypto::ring_ticket_codec& tickets
) {
    return edge::api::api_routes(
        {*tokens_, *devices_, *audit_, *tenants_, *calls_, redis_.limiter(), *credentials_, *vault_,
         cookies_.get(), apple_checker_.get(), clock_, metrics_, config_,
         [&calls](engine::request q) { return calls.submit(std::move(q)); },
         [&calls, &pushes](const port::push_receipt& r, bool rings) {
             pushes.receipt(r);
             if (rings) calls.push_received(r.call, r.device, r.state == port::push_state::ready);
         },
         [this, &calls](engine::request q) { tasks_.spawn(asked(calls, std::move(q))); }, &tickets,
         &pushes.figures()}
    );
}

// Nobody waits for the answer. What is lost costs a device the rest of one ring, and it may ask itself.
boost::asio::awaitable<void> api_parts::asked(engine::engine& calls, engine::request r) {
    try {
        (void)co_await calls.submit(std::move(r));
    } catch (const port::unavailable& e) {
        log::warn("device_not_let_in", {{"why", e.what()}});
    }
}

void api_parts::start() {
    if (config_.telnyx.credential_connection_id.empty())
        log::warn(
            "no_credential_connection",
            {{"effect", "devices get no SIP identity"}, {"fix", "set telnyx.credential_connection_id"}}
        );
    credentials_->start();
}

boost::asio::awaitable<void> api_parts::stop(millis limit) {
    co_await credentials_->stop(limit);
    if (introspection_) co_await introspection_->stop();
    if (apple_keys_) co_await apple_keys_->stop();
    co_await tasks_.join();
}

engine::leg_witness api_parts::witness() {
    return [this](const call::target& device, engine::leg_news what) {
        switch (what) {
        case engine::leg_news::answered: tasks_.spawn(answered(device.device, device.identity)); return;
        case engine::leg_news::not_found: credentials_->check(device.identity); return;
        }
    };
}

// An answer is the best proof of life there is, and of the name that was dialed (CRED-01, AND-15). Losing one
// costs nothing: the next contact proves the same.
boost::asio::awaitable<void> api_parts::answered(device_id d, identity_id i) {
    try {
        co_await store_->proved(d, i, clock_.now());
    } catch (const port::unavailable& e) {
        log::warn("answer_not_noted", {{"device", d}, {"why", e.what()}});
    }
}

} // namespace z360::app
