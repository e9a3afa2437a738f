// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Sign in with Apple (IOS-04): whose identity token is it, and what does a notification say?
#pragma once

#include "edge/api/jwks.hpp"

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/config.hpp>
#include <z360/port/clock.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace z360::edge::api {

/// Why a token is not believed. All but the last are the client's fault.
enum class apple_refusal : std::uint8_t {
    malformed,     ///< no RS256 token, or a claim is missing or of the wrong kind
    bad_signature, ///< also: signed with a key that Apple does not have
    wrong_issuer,
    wrong_audience,
    expired, ///< or not yet valid: issued in the future
    wrong_nonce,
    keys_unavailable, ///< nobody knows: Apple's keys cannot be fetched; try again
};
/// Snake-case word for logs, counters and replies.
[[nodiscard]] std::string_view name(apple_refusal r);

struct apple_identity {
    std::string sub;   ///< Apple's lasting id of the person for our team
    std::string email; ///< may be empty, may be a relay address
    bool email_verified = false;
    std::string fingerprint; ///< of what Apple signed: the same token, however it is written
    time_point ends_at{};    ///< from then on the token is refused anyway
};

enum class apple_event_kind : std::uint8_t { consent_revoked, account_delete, email_disabled, email_enabled };
/// As Apple spells it: "consent-revoked" and so on.
[[nodiscard]] std::string_view name(apple_event_kind k);

struct apple_event {
    apple_event_kind type = apple_event_kind::consent_revoked;
    std::string sub;
    time_point issued_at{}; ///< an event older than the person's latest sign-in is out of date
};

/// Immutable but for the keys. On the loop's thread only; `keys` and `clock` outlive it.
class apple_verifier {
  public:
    apple_verifier(jwks& keys, const port::clock& clock, config::apple_t settings);

    /// `nonce`: what the app made for this sign-in; the token carries it as it is or as the lower-case
    /// hexadecimal SHA-256 of it. An empty one is wrong: it would bind the token to nothing.
    [[nodiscard]] boost::asio::awaitable<std::variant<apple_identity, apple_refusal>>
    verify(secret identity_token, std::string nonce);
    /// `payload`: the token of a server-to-server notification.
    [[nodiscard]] boost::asio::awaitable<std::variant<apple_event, apple_refusal>>
    verify_event(std::string payload);

  private:
    jwks& keys_;
    const port::clock& clock_;
    config::apple_t settings_;
};

} // namespace z360::edge::api
