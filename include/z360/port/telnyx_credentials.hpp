// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Telephony credentials at Telnyx: the SIP identities of devices and their login tokens.
#pragma once

#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// One credential as Telnyx knows it.
struct carrier_credential {
    std::string id;
    std::string name;
    std::string tag;
    std::string sip_username;
    secret sip_password;       ///< present in every reply of theirs; never logged
    std::string connection_id; ///< from resource_id "connection:<id>"
    bool expired = false;
    std::optional<time_point> expires_at;
    std::optional<time_point> created_at;
};

/// How a request ended. There is no command_id for credentials: after `unknown` look the name up before
/// asking again, else there are two.
enum class credential_outcome : std::uint8_t {
    done,
    gone,        ///< 404: there is none of that id
    unknown,     ///< perhaps carried out: no answer, or 5xx after sending
    unavailable, ///< certainly not carried out, worth another try later (429, breaker, not sent)
    refused,     ///< 4xx: trying again changes nothing; people must look
    expired,     ///< PATCH or token on an expired credential: it can only be deleted
};
[[nodiscard]] constexpr std::string_view name(credential_outcome o) {
    switch (o) {
    case credential_outcome::done: return "done";
    case credential_outcome::gone: return "gone";
    case credential_outcome::unknown: return "unknown";
    case credential_outcome::unavailable: return "unavailable";
    case credential_outcome::refused: return "refused";
    case credential_outcome::expired: return "expired";
    }
    return "?";
}

template <class T>
struct credential_reply {
    credential_outcome outcome = credential_outcome::unknown;
    std::optional<T> value;            ///< only with `done`
    std::string error;                 ///< code and title for the log; no secret
    std::optional<millis> retry_after; ///< the server asked for this pause
};
/// Value of requests that answer yes or no.
struct nothing {};

struct credential_request {
    std::string name; ///< unique; the key for finding it again
    std::string tag;
    std::string connection_id;
    time_point expires_at{};
};
struct carrier_token {
    secret jwt;
    std::optional<time_point> expires_at; ///< its `exp`; nullopt: it has none that can be read
};
/// One page of a list.
struct credential_page {
    std::vector<carrier_credential> items;
    bool more = false;
};

/// One attempt each, bounded by `telnyx.attempt_timeout` and by the client's shared pace; retries are the
/// caller's business. Never throws for what Telnyx or the network does.
class telnyx_credentials {
  public:
    virtual ~telnyx_credentials() = default;
    virtual boost::asio::awaitable<credential_reply<carrier_credential>> create(credential_request r) = 0;
    /// The one with exactly this name; `gone`: there is none. More than one: the oldest comes first.
    virtual boost::asio::awaitable<credential_reply<std::vector<carrier_credential>>> find(std::string name
    ) = 0;
    virtual boost::asio::awaitable<credential_reply<carrier_credential>> get(std::string id) = 0;
    virtual boost::asio::awaitable<credential_reply<nothing>>
    extend(std::string id, time_point expires_at) = 0;
    virtual boost::asio::awaitable<credential_reply<nothing>> remove(std::string id) = 0;
    /// Page `number` from 1, 250 a page, of one connection's credentials.
    virtual boost::asio::awaitable<credential_reply<credential_page>>
    list(std::string connection_id, unsigned number) = 0;
    virtual boost::asio::awaitable<credential_reply<carrier_token>> mint(std::string id) = 0;
};

} // namespace z360::port
