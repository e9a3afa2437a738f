// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Others who can say who somebody is: the web product for its cookies, Apple for its tokens.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace z360::edge::api {

/// Whose session a cookie is, as the web product says.
struct cookie_answer {
    enum class what : std::uint8_t { known, refused, unavailable } result = what::refused;
    user_id user;
    org_id org;          ///< the session's current organisation; none: it named none
    std::string session; ///< the product's id of the session; empty: it named none
};

class cookie_introspector {
  public:
    virtual ~cookie_introspector() = default;
    /// What is still believed of this cookie without a question.
    [[nodiscard]] virtual std::optional<cookie_answer> remembered(const std::string& cookie) = 0;
    /// Never throws for what the network or the web product does.
    virtual boost::asio::awaitable<cookie_answer> who(std::string cookie, std::string user_agent) = 0;
};

/// What Apple's signature vouches for.
struct apple_answer {
    enum class what : std::uint8_t { genuine, refused, unavailable } result = what::refused;
    std::string reason; ///< of a refusal: signature, issuer, audience, expired, nonce, … ; for people
    std::string subject;
    std::string email;
    std::string fingerprint; ///< of a sign-in: the same for the same token, 64 hexadecimal digits
    time_point ends_at{};    ///< of a sign-in: the token's end
    std::string event;       ///< of a notice: consent-revoked, account-delete, email-disabled, …
    time_point issued_at{};  ///< of a notice
};

class apple_checker {
  public:
    virtual ~apple_checker() = default;
    /// A sign-in: signature, issuer, audience, expiry and nonce.
    virtual boost::asio::awaitable<apple_answer> verify(std::string identity_token, std::string nonce) = 0;
    /// A server-to-server notice.
    virtual boost::asio::awaitable<apple_answer> verify_event(std::string payload) = 0;
};

} // namespace z360::edge::api
