// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The push channel's runner: tells devices by APNs and FCM what the core wants them to be told.
#pragma once

#include "adapter/push/errand.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/http/client.hpp>
#include <z360/http/h2.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/effect_runner.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/push_queue.hpp>
#include <z360/port/push_store.hpp>
#include <z360/rt/retry.hpp>
#include <z360/rt/supervisor.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace z360::adapter::push {

/// Where a service is, unless it is where its provider has it.
struct place {
    std::string host; ///< empty: the provider's
    std::uint16_t port = 443;
};

struct apns_settings {
    std::string key_file; ///< .p8, read again when it changes
    std::string key_id;
    std::string team_id;
    std::vector<std::string> bundle_ids; ///< apps that are pushed to
    std::string default_bundle_id;       ///< of devices that named none; empty: they are refused
    place production, sandbox;
};

struct fcm_settings {
    std::string service_account_file; ///< JSON, read again when it changes
    std::vector<std::string> packages;
    place at;
    bool any_token_host = false; ///< the account's token_uri may lead anywhere: for tests
};

struct settings {
    std::optional<apns_settings> apns;
    std::optional<fcm_settings> fcm;
    std::string ca_file; ///< of authorities to trust besides none; empty: the system's
    secret proxy;        ///< for HTTP/2, as libcurl takes it; empty: none
    unsigned retry_percent = 10;
    std::string api_base;           ///< where phones ask about a call; empty: not said
    bool tls = true;                ///< false: clear text, for tests
    millis call_timeout{4'000};     ///< longest wait for an answer, of calls and their ends
    millis message_timeout{10'000}; ///< of everything else
    millis keys_every{5'000};       ///< between looks at the key files
    /// Changes a pool's settings before it is made: for tests. Empty: as they are.
    std::function<void(http::h2::pool_settings&)> adjust = {};
};

/// The ticket that a phone gets with a ring; empty: none is sent.
using ring_ticket = std::function<secret(const call::push_notice&)>;

/// Everything that it needs; outlives it.
struct ports {
    port::push_addresses& addresses;
    port::push_ledger& ledger;
    http::client& http; ///< for access tokens
    const port::clock& clock;
    port::metrics& metrics;
    ring_ticket ticket = {};
    rt::chance_source chance = {}; ///< random by default
};

/// Carries pushes that belong to no call, beside those that do and behind them. On the loop's thread only.
class message_carrier {
  public:
    virtual ~message_carrier() = default;
    /// One run at a push: its end, or `expired` with when to begin again. What takes longer than a moment is
    /// not waited for. Asks `wanted` right before each request. Throws nothing but cancellation.
    virtual boost::asio::awaitable<report> carry(port::queued_push what, port::still_wanted wanted) = 0;
};

/// For the figures of what has become of pushes.
void count_outcome(port::metrics& m, z360::push::kind what, const report& r);

/// Lifecycle: make → start() → runs → stop() → destroy. On the loop's thread only. Every run must have ended
/// before stop().
class push_runner : public port::effect_runner, public message_carrier {
  public:
    [[nodiscard]] call::channel runs() const final { return call::channel::push; }
    /// From now on key files are looked at.
    virtual void start() = 0;
    /// Ends what is on its way within `limit`, and closes all connections.
    [[nodiscard]] virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Reads the keys. Throws std::runtime_error, one line with setting, file and fix.
[[nodiscard]] std::unique_ptr<push_runner>
make_push_runner(boost::asio::any_io_executor ex, settings s, ports p);

/// What is wrong with the keys, one line each with setting, file and fix; empty: they can be used.
[[nodiscard]] std::vector<std::string> key_problems(const settings& s);

} // namespace z360::adapter::push
