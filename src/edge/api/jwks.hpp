// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The signing keys of an identity provider, fetched when needed and kept.
#pragma once

#include "adapter/crypto/jwt.hpp"

#include <z360/base/time.hpp>
#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace z360::edge::api {

/// How long keys are fresh by a Cache-Control header: its max-age, within 5 min and 24 h; 1 h without one.
[[nodiscard]] millis jwks_lifetime(std::string_view cache_control);

struct key_lookup {
    enum class kind : std::uint8_t {
        found,
        unknown,     ///< the provider was asked lately and has no such key
        unavailable, ///< the keys could not be fetched
    };
    kind what = kind::unavailable;
    adapter::crypto::rsa_key key; ///< found only
};

/// Fetches when there are no keys, when they are no longer fresh, and when a key id is unknown (the provider
/// may have changed keys); at most once a minute, whoever sends what. Keys go on while a fetch fails.
///
/// Lifecycle: construct → find() … → co_await stop() → destroy. On the loop's thread only. What is passed by
/// reference outlives it.
class jwks {
  public:
    jwks(
        boost::asio::any_io_executor ex, http::client& client, const port::clock& clock,
        port::metrics& metrics, std::string url
    );
    ~jwks();
    jwks(const jwks&) = delete;
    jwks& operator=(const jwks&) = delete;

    /// Throws only when the awaiting coroutine is cancelled.
    [[nodiscard]] boost::asio::awaitable<key_lookup> find(std::string kid);
    [[nodiscard]] boost::asio::awaitable<void> stop();

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace z360::edge::api
