// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Pushes that belong to no call: they are kept until they have been sent, whichever node sends them.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// One of them, claimed.
struct queued_push {
    uuid id;
    org_id org; ///< for which it is sent: it must be one that the device serves
    device_id device;
    push::kind what = push::kind::business;
    push::text shown;        ///< of `business`
    time_point at{};         ///< when it was handed in
    time_point until{};      ///< worth nothing from then on
    std::uint32_t claim = 0; ///< counts its claims; with `id` it says whose it is
    bool in_doubt = false;   ///< a request of an earlier claim may have reached the device
};

/// Says whose a claimed push is.
struct push_claim {
    uuid id;
    std::uint32_t claim = 0;
    auto operator<=>(const push_claim&) const = default;
};

/// How a claimed push is left.
struct push_settled {
    push_claim of;
    std::optional<millis> again_after; ///< not over: to be claimed again after that
    bool in_doubt = false;             ///< of what is not over
    std::string outcome;               ///< of what is over: done, refused, expired, superseded
    std::string code;                  ///< the provider's word, or ours; no text of the push
};

/// What waits in a lane.
struct push_backlog {
    push::lane in = push::lane::message;
    std::uint64_t waiting = 0;
    millis oldest{}; ///< age
};

/// For whoever sends them. Times are by the database's clock. Every function throws unavailable. On the
/// loop's thread.
class push_queue {
  public:
    virtual ~push_queue() = default;
    /// At most `most` of that lane that are due, the longest due first, for `length`; others get them after
    /// that unless they are kept or settled. Those whose time is up are among them. Setting the database's
    /// clock back keeps none from being claimed for longer than `length`.
    virtual boost::asio::awaitable<std::vector<queued_push>>
    claim(push::lane of, std::size_t most, millis length) = 0;
    /// Holds claims for `length` from now on. Returns those that are still held: the others are somebody
    /// else's, or gone.
    virtual boost::asio::awaitable<std::vector<push_claim>>
    keep(std::vector<push_claim> held, millis length) = 0;
    /// Leaves them; those that somebody else has claimed meanwhile are left alone. What is over loses its
    /// texts.
    virtual boost::asio::awaitable<void> settle(std::vector<push_settled> all) = 0;
    /// Puts a `session_warning` in for at most `most` devices that showed life last between `silent` and
    /// `warn` ago, have a token that can show it and were not warned in this silence (CRED-01). It is worth
    /// something until the device is suspended, `silent` after its last life. Returns how many. Every node
    /// may do it at any time: each device is warned once.
    virtual boost::asio::awaitable<std::size_t> warn_silent(millis warn, millis silent, std::size_t most) = 0;
    /// Whether the device of this `session_warning` has shown no life since that was put in: asked when it is
    /// sent.
    virtual boost::asio::awaitable<bool> still_silent(uuid warning) = 0;
    /// Of both lanes.
    virtual boost::asio::awaitable<std::vector<push_backlog>> backlog() = 0;
};

/// A notification of the web product, for one organisation.
struct push_order {
    org_id org;
    std::string key;         ///< of the request; a repeat gets the answer of the first
    std::string fingerprint; ///< of what it asks; another one under the same key is refused
    std::vector<user_id> users;
    /// By the apps' own ids, or, where no device of the organisation has such a one, by our number of it.
    std::vector<std::string> devices;
    push::text shown;
    millis ttl{};
};

/// What became of an order, per device or person.
struct push_placed {
    std::string device; ///< the app's own id; empty: of a person who was not found, or has no phone
    user_id user;
    uuid message;        ///< nil: skipped
    std::string skipped; ///< why: not_found, no_token, dead_token, suspended
};
struct push_answer {
    enum class how : std::uint8_t {
        placed,          ///< or was before, with the same key
        org_unknown,     ///< no such organisation, as far as that scope sees
        key_reused,      ///< for another order
        too_many_wait,   ///< of the organisation; nothing was put in
        device_ambiguous ///< several people have a device of a named id: `all` has these; nothing was put in
    };
    how went = how::placed;
    bool repeated = false;        ///< it is the answer of an earlier order
    std::vector<push_placed> all; ///< of what was placed: in any order
};

/// Takes orders. On the loop's thread.
class push_orders {
  public:
    virtual ~push_orders() = default;
    /// All of it or nothing, in one transaction, under row-level security of `who`. Throws unavailable: it
    /// may have been placed; asked again with the same key it is placed once.
    virtual boost::asio::awaitable<push_answer> place(tenant_scope who, push_order what) = 0;
};

} // namespace z360::port
