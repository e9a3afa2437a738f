// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/api_parts.hpp"

#include "app/parts_settings.hpp"
#include "edge/api/identity_adapters.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::app {

api_parts::api_parts(
    const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
    std::shared_ptr<const adapter::crypto::vault> keys, credential_parts& credentials, redis_parts& redis,
    http::client& client, const port::clock& clock, port::metrics& metrics
)
    : config_(c), credentials_(credentials), redis_(redis), clock_(clock), metrics_(metrics),
      vault_(std::move(keys)), tokens_(adapter::postgres::make_token_store(db)),
      devices_(adapter::postgres::make_device_registry(db, vault_)),
      audit_(adapter::postgres::make_audit_log(db)),
      tenants_(adapter::postgres::make_tenants(db, c.telnyx.connection_id)),
      calls_(adapter::postgres::make_call_reader(db)), reports_(adapter::postgres::make_client_reports(db)),
      records_(adapter::postgres::make_call_records(db)), agents_(adapter::postgres::make_agent_desk(db)),
      directory_(adapter::postgres::make_directory(db, directory_settings(c))),
      dead_letters_(adapter::postgres::make_dead_letters(db)), tasks_(ex) {
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
    engine::engine& calls, push_parts& pushes, recording_parts& recordings, book_parts& books,
    const adapter::crypto::ring_ticket_codec& tickets
) {
    return edge::api::api_routes(
        {*tokens_,
         *devices_,
         *audit_,
         *tenants_,
         *calls_,
         redis_.limiter(),
         credentials_.manager(),
         *vault_,
         cookies_.get(),
         apple_checker_.get(),
         clock_,
         metrics_,
         config_,
         [&calls](engine::request q) { return calls.submit(std::move(q)); },
         [&calls, &pushes](const port::push_receipt& r, bool rings) {
             pushes.receipt(r);
             if (rings) calls.push_received(r.call, r.device, r.state == port::push_state::ready);
         },
         [this, &calls](engine::request q) { tasks_.spawn(asked(calls, std::move(q))); },
         &tickets,
         &pushes.figures(),
         pushes.orders(),
         [&pushes] { pushes.order_placed(); },
         directory_.get(),
         &recordings.reader(),
         recordings.vault(),
         &recordings.carrier(),
         &recordings.links(),
         reports_.get(),
         records_.get(),
         dead_letters_.get(),
         &books.reader(),
         agents_.get()}
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

boost::asio::awaitable<void> api_parts::stop() {
    if (introspection_) co_await introspection_->stop();
    if (apple_keys_) co_await apple_keys_->stop();
    co_await tasks_.join();
}

} // namespace z360::app
