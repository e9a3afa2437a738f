// SPDX-License-Identifier: LicenseRef-z360-proprietary
#include "app/credential_parts.hpp"

#include "adapter/telnyx/credentials_client.hpp"
#include "app/parts_settings.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>

#include <utility>

namespace z360::app {

credential_parts::credential_parts(
    const boost::asio::any_io_executor& ex, const config& c, adapter::postgres::database& db,
    std::shared_ptr<const adapter::crypto::vault> keys, http::client& client, const port::clock& clock,
    port::metrics& metrics
)
    : clock_(clock), has_connection_(!c.telnyx.credential_connection_id.empty()),
      store_(adapter::postgres::make_credential_store(db, std::move(keys))),
      carrier_(adapter::telnyx::make_telnyx_credentials(
          ex, adapter::telnyx::credentials_settings_from(c.telnyx, c.credentials), client, clock, metrics
      )),
      manager_(
          credential_manager::make_manager(ex, *store_, *carrier_, clock, metrics, credential_settings(c))
      ),
      tasks_(ex) {}

void credential_parts::start() {
    if (!has_connection_)
        log::warn(
            "no_credential_connection",
            {{"effect", "devices get no SIP identity"}, {"fix", "set telnyx.credential_connection_id"}}
        );
    manager_->start();
}

boost::asio::awaitable<void> credential_parts::stop(millis limit) {
    co_await manager_->stop(limit);
    co_await tasks_.join();
}

engine::leg_witness credential_parts::witness() {
    return [this](const call::target& device, engine::leg_news what) {
        switch (what) {
        case engine::leg_news::answered: tasks_.spawn(answered(device.device, device.identity)); return;
        case engine::leg_news::not_found: manager_->check(device.identity); return;
        }
    };
}

// An answer is the best proof of life there is, and of the name that was dialed (CRED-01, AND-15). Losing one
// costs nothing: the next contact proves the same.
boost::asio::awaitable<void> credential_parts::answered(device_id d, identity_id i) {
    try {
        co_await store_->proved(d, i, clock_.now());
    } catch (const port::unavailable& e) {
        log::warn("answer_not_noted", {{"device", d}, {"why", e.what()}});
    }
}

} // namespace z360::app
