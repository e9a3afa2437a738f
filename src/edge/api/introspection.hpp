// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Whose cookie is it? The web product knows (auth.introspection_url); we ask it and believe it for some
// seconds.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/http/client.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace z360::edge::api {

struct introspection_settings {
    std::string url;      ///< empty: no cookie means anything
    millis cache{30'000}; ///< how long "signed in" is believed; at most 30 s
    millis limit{2'000};  ///< for one question
    std::size_t max_entries = 10'000;
    std::size_t max_questions = 64; ///< at a time; beyond it the product counts as unavailable
};

/// The person a cookie belongs to.
struct web_identity {
    user_id user;
    org_id org;          ///< none: no organisation is chosen
    std::string session; ///< the product's id of the session; may be empty
    bool operator==(const web_identity&) const = default;
};

struct verdict {
    enum class kind : std::uint8_t {
        signed_in,
        not_signed_in,
        unavailable, ///< nobody knows: never treat it as not signed in
    };
    kind what = kind::unavailable;
    web_identity who; ///< signed_in only
};

/// GET with the request's Cookie and User-Agent. 200 {"active":true,"user_id":N,"organization_id":N|null,
/// "session_id"?} is a person; 401, 403 and "active":false are not signed in (believed for 5 s at most);
/// everything else is unavailable and not remembered. Requests with one cookie at the same time are one
/// question. Cookies are remembered by a keyed hash and never logged.
///
/// Lifecycle: construct → who() … → co_await stop() → destroy. On the loop's thread only. What is passed by
/// reference outlives it.
class introspection {
  public:
    introspection(
        boost::asio::any_io_executor ex, http::client& client, const port::clock& clock,
        port::metrics& metrics, introspection_settings s
    );
    ~introspection();
    introspection(const introspection&) = delete;
    introspection& operator=(const introspection&) = delete;

    /// What is believed of the cookie now; nullopt: the product has to be asked.
    [[nodiscard]] std::optional<verdict> believed(const std::string& cookie) const;
    /// `cookie`: the whole Cookie header. Throws only when the awaiting coroutine is cancelled.
    [[nodiscard]] boost::asio::awaitable<verdict> who(std::string cookie, std::string user_agent);
    /// Ends questions under way; those who wait get `unavailable`.
    [[nodiscard]] boost::asio::awaitable<void> stop();

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace z360::edge::api
