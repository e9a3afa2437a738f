// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What the handlers share: the parts, the request with who asks, and the shape of the route table.
#pragma once

#include "adapter/crypto/digest.hpp"
#include "edge/api/address.hpp"
#include "edge/api/api.hpp"
#include "edge/api/body.hpp"
#include "edge/api/client_rules.hpp"
#include "edge/api/places.hpp"
#include "edge/api/problem.hpp"

#include <z360/log.hpp>
#include <z360/port/errors.hpp>
#include <z360/port/scope.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace z360::edge::api {

using boost::asio::awaitable;

/// What somebody identified themselves with. Bits: a route names the ones it takes.
enum class via : std::uint8_t {
    nobody = 1,
    device = 2,
    service = 4, ///< a trusted backend
    admin = 8,
    enrolment = 16,
    cookie = 32,
    ticket = 64, ///< of a ring: what a push gave the phone that it woke
};
[[nodiscard]] std::string_view name(via v);
using via_set = std::uint8_t;
template <class... V>
[[nodiscard]] constexpr via_set any_of(V... v) {
    return static_cast<via_set>((static_cast<unsigned>(v) | ...));
}
/// A person's own means, or a backend on their behalf.
inline constexpr via_set k_person = any_of(via::device, via::service, via::cookie);
inline constexpr via_set k_operator = any_of(via::admin, via::service);

struct principal {
    via by = via::nobody;
    user_id user;           ///< on whose behalf; none: an operator, or a backend for itself
    org_id org;             ///< organisation that the request names or its cookie is in; a hint
    org_id bound_to;        ///< sees this organisation only, and so does whatever it issues; none: all
    device_id device;       ///< device tokens
    std::string device_uid; ///< device tokens
    token_id token;         ///< none for cookies
    std::string session;    ///< cookies: digest of the web session; empty: the product named none
    std::vector<std::string> scopes;
    time_point token_expires_at{};
    std::optional<adapter::crypto::ring_ticket> ticket; ///< of one ring of one call, and of `device`

    [[nodiscard]] bool may(std::string_view scope) const;
    /// What they may see at all.
    [[nodiscard]] port::tenant_scope scope() const;
};

/// A request on its way through a handler.
struct request_context {
    http::request req;
    principal who;
    std::string address; ///< of the client
    std::string base;    ///< https://host, for URLs in replies
    time_point now{};    ///< when it began

    [[nodiscard]] std::string param(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> query(std::string_view name) const {
        return query_value(req.query, name);
    }
};

/// Of a list for people, ?limit=: 1 to 200, usually 50. What it cannot be is refused in `f`.
[[nodiscard]] std::size_t read_limit(const request_context& in, fields& f);

enum class rate_class : std::uint8_t { none, registration, credentials, reveal, poll, read, admin };
[[nodiscard]] std::string_view name(rate_class c);

struct api_context;
using action = awaitable<http::response> (*)(api_context& s, request_context in);

/// One line of the route table.
struct entry {
    std::string_view method;
    std::string_view pattern;
    action run = nullptr;
    via_set takes = 0;
    rate_class rate = rate_class::read;
    bool changes = false;     ///< changes something: a cookie alone must name its origin (B34)
    std::string_view scope{}; ///< that service and admin tokens need
    bool for_person = true;   ///< a service token must name a person
    bool raw = false;         ///< neither guarded nor counted
    bool in_call = false;     ///< an expired bearer still does while its device is on a call (B47)
    std::size_t gzip_to = 0; ///< bodies may be compressed, if they are at most so many bytes; 0: they may not
};

/// Lives as long as the routes. One loop, no locks.
struct api_context {
    explicit api_context(api_ports p);

    api_ports ports;
    address_list proxies;
    client_rules rules;
    log::sparse plain_refusals; ///< requests that a proxy may have received over HTTPS

    /// Proof of life already told to the registry, so that it hears of a device once a minute at most.
    struct life {
        time_point told{};
        int version = 0;
    };
    std::unordered_map<std::int64_t, life> lives;

    /// Questions about credentials that nobody here knows yet, by address: made-up ones take no places from
    /// others, neither at the database nor at the web product.
    places bearer_questions{{.at_once = 4, .waiting = 2'000}};
    places cookie_questions{{.at_once = 16, .waiting = 200}};
    /// Bearers that were good lately, by a digest: they are looked up without waiting in those lines.
    adapter::crypto::private_digest digests;
    std::unordered_map<std::string, time_point> good_bearers;

    [[nodiscard]] time_point now() const { return ports.clock.now(); }
};

/// Something has changed about these devices: the credential manager acts now, not in its next round.
void look_at(api_context& s, const std::vector<device_id>& devices);

/// Writes an audit line for the principal. Throws unavailable.
awaitable<void> audit(
    api_context& s, principal who, std::string address, std::string action, device_id device,
    std::string detail
);

} // namespace z360::edge::api
