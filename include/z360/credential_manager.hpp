// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The credential manager: makes, hands out, rotates and retires the devices' SIP identities, and compares
// both sides. Orchestration only; what to do is decided by credential::decide.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/loop_state.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/credential/lifecycle.hpp>
#include <z360/port/clock.hpp>
#include <z360/port/credential_store.hpp>
#include <z360/port/metrics.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace z360::credential_manager {

/// What decides the pace and the names.
struct settings {
    credential::policy rules;
    std::string environment;   ///< in names and tags at Telnyx: z360-<environment>-<key>, and
                               ///< z360-<environment>-<installation>-u<user>
    std::string connection_id; ///< credential connection; empty: no identity can be made
    std::string node;          ///< who holds leases, e.g. host and pid
    millis work_every{1'000};  ///< looks for due devices
    std::size_t work_batch = 20;
    millis compare_every{900'000};     ///< both sides (I4: drift at most 15 min); 0: only when asked
    millis stray_age{600'000};         ///< a stranger of this installation is deleted when it is older
    millis purge_every{3'600'000};     ///< one node forgets what nobody needs any more; 0: never
    unsigned requests_per_second = 10; ///< of the workers; the comparison takes half (BE-41)
    double refresh_fraction = 0.8;     ///< of a token's life: 10 h → refresh after 8 h
    millis claim{20'000}; ///< a device belongs to one node for so long, a token's minting for half of it
};

/// A device's identity as known after ensure().
struct identity_status {
    bool ready = false; ///< active and valid; false: `pending`, being made
    identity_id identity;
    std::string sip_username;
    int version = 0;
    std::optional<time_point> expires_at;
};

/// A login token for a device.
struct token_status {
    enum class state : std::uint8_t {
        fresh,
        stale,       ///< Telnyx is away; this one is still valid
        pending,     ///< the identity is still being made
        unavailable, ///< none can be had now
        none,        ///< the device has no identity and gets none
    } what = state::unavailable;
    secret jwt;
    std::optional<time_point> expires_at;
    std::optional<time_point> refresh_after; ///< ask for the next one from then on
};

/// One per process; many processes may run one each over the same database. Everything it holds in memory may
/// be lost at any moment. stop() must have completed before it is destroyed.
class manager {
  public:
    virtual ~manager() = default;
    /// Starts the workers.
    virtual void start() = 0;
    virtual boost::asio::awaitable<void> stop(millis limit) = 0;

    /// The device's identity; makes it when missing (single flight per device, here and between nodes) and
    /// waits at most `budget` for it. Throws unavailable when the database is, or when a step failed for a
    /// reason that nobody expected: ask again.
    virtual boost::asio::awaitable<identity_status> ensure(device_id d, millis budget) = 0;
    /// A token, from the cache where it is fresh: one request to Telnyx per device and 80 % of its life.
    /// Throws as ensure() does.
    virtual boost::asio::awaitable<token_status> token(device_id d, millis budget) = 0;
    /// The token that is cached, as long as it is valid: fresh, stale or unavailable. Never asks Telnyx, now
    /// or later (MOB-01). Throws unavailable when the database is.
    virtual boost::asio::awaitable<token_status> cached_token(device_id d) = 0;
    /// Something about this device changed (removed, replaced, a call ended): look at it now, not at the next
    /// round. Returns at once.
    virtual void look_at(device_id d) = 0;
    /// A dial of this identity failed as not_found: compare this one now (BE-41). Returns at once.
    virtual void check(identity_id i) = 0;

    /// What becomes of credentials under our names that no row knows. Those that this installation made are
    /// deleted, at most max(50, 10 %) in one comparison; those of another installation, or of none, are left.
    enum class strangers : std::uint8_t {
        usual,
        adopted,   ///< people say that all of them are this installation's, now and later
        confirmed, ///< people say that all of them may go now: no limit
    };
    /// One comparison of both sides now, for the command line and tests. Returns what it did. Throws
    /// unavailable when the database is.
    struct comparison {
        std::size_t listed = 0, known = 0, missing = 0, strangers = 0, retired = 0;
        std::size_t foreign = 0;   ///< of the strangers: of another installation, or of none; left alone
        std::size_t postponed = 0; ///< this installation's, beyond the limit; the next comparisons' turn
        std::vector<std::string> installations; ///< other ids among the strangers
        bool complete = false;                  ///< every page was read
        bool unreachable = false;               ///< Telnyx did not answer
        bool busy = false;                      ///< somebody else compares; nothing was looked at
        std::string error;                      ///< why it is not complete, and what to do
    };
    virtual boost::asio::awaitable<comparison> compare(strangers rule = strangers::usual) = 0;

    /// The loops behind it. A late one: identities are not made, replaced or deleted in time, or the sides
    /// not compared; calls go on.
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// References must outlive it. Nothing happens before start(), except ensure() and token().
[[nodiscard]] std::unique_ptr<manager> make_manager(
    boost::asio::any_io_executor ex, port::credential_store& store, port::telnyx_credentials& carrier,
    const port::clock& clock, port::metrics& metrics, settings s
);

} // namespace z360::credential_manager
