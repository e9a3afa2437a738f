// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Identities as the credential manager works on them. Runs as owner, across tenants; devices are handed out
// to one node at a time.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/credential/lifecycle.hpp>
#include <z360/port/telnyx_credentials.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace z360::port {

/// What requests to Telnyx about an identity need.
struct identity_names {
    uuid key;              ///< in its name there
    user_id user;          ///< in its tag
    std::string telnyx_id; ///< empty: not known
    std::string sip_username;
    std::string connection_id;
};

/// A device claimed for work, with the names of each of its identities, in the order of `device.identities`.
struct claimed_device {
    credential::device device;
    std::vector<identity_names> names;
};

/// A cached login token.
struct cached_token {
    identity_id identity;
    std::string telnyx_id;
    std::optional<carrier_token> token; ///< nullopt: none yet
    std::optional<time_point> minted_at;
    bool claimed = false; ///< this node may mint a new one now; others wait
};

/// An identity row against Telnyx's list.
struct known_identity {
    identity_id id;
    device_id device; ///< none: an organisation's credential of the old system
    std::string telnyx_id;
    uuid key;
    credential::identity_state now_in = credential::identity_state::pending;
    std::optional<time_point> expires_at;
};

/// Which credentials at Telnyx belong to this database: those whose tag names one of these ids.
struct installation {
    uuid id;                                  ///< made with the database's schema, never changed
    std::vector<uuid> adopted;                ///< others that an operator has declared to be this one's
    std::optional<time_point> unmarked_until; ///< likewise: those without an id that are older than this
};

/// Every function may throw unavailable. Claims use the database's clock.
class credential_store {
  public:
    virtual ~credential_store() = default;

    /// Claims this device for `claim`, even if nothing is due. nullopt: another holds it, or there is none.
    virtual boost::asio::awaitable<std::optional<claimed_device>> claim(device_id d, millis claim) = 0;
    /// Devices with something due (a pending or retiring identity whose retry_at is past, one that is due for
    /// rotation or about to expire, a silent device), oldest first, at most `limit`, claimed for `claim`.
    /// An identity without a device (an organisation's of the old system, a stranger's) that is to be deleted
    /// comes as a device of its own with id none, not entitled; its claim ends by itself or with bury().
    virtual boost::asio::awaitable<std::vector<claimed_device>>
    claim_due(credential::policy p, time_point now, std::size_t limit, millis claim) = 0;
    virtual boost::asio::awaitable<void> release(device_id d) = 0;
    /// Reads without claiming. nullopt: there is no such device.
    virtual boost::asio::awaitable<std::optional<claimed_device>> read(device_id d) = 0;

    /// A pending row, unless one exists. Returns it.
    virtual boost::asio::awaitable<identity_id>
    add_identity(device_id d, std::string connection_id, time_point now) = 0;
    /// Before the create leaves: from now on the credential may exist.
    virtual boost::asio::awaitable<void> mark_asked(identity_id i, time_point now) = 0;
    /// In one transaction: the pending one becomes active with id, username, encrypted password; a former
    /// active one becomes rotating. false: it is not pending any more (retired meanwhile): its Telnyx id was
    /// kept, so that it will be deleted there.
    virtual boost::asio::awaitable<bool>
    activate(identity_id i, carrier_credential made, time_point expires_at, time_point now) = 0;
    /// pending, active or rotating → retiring. Idempotent. An organisation's credential too.
    virtual boost::asio::awaitable<void>
    retire(identity_id i, credential::retire_reason why, time_point now) = 0;
    /// retiring → dead: secrets are wiped; a removed device without history, and then its last identity, go.
    virtual boost::asio::awaitable<void> bury(identity_id i, time_point now) = 0;
    /// The device answered a call on this identity: proof of life, and that it uses this one.
    virtual boost::asio::awaitable<void> proved(device_id d, identity_id i, time_point now) = 0;
    virtual boost::asio::awaitable<void> extended(identity_id i, time_point expires_at) = 0;
    /// active → suspended, tokens revoked, identities retiring.
    virtual boost::asio::awaitable<void> suspend(device_id d, std::string reason, time_point now) = 0;
    virtual boost::asio::awaitable<void>
    failed(identity_id i, std::string error, std::optional<time_point> retry_at) = 0;

    /// The device's token; `claim` > 0 and nobody else minting: claims the right to mint for so long.
    virtual boost::asio::awaitable<std::optional<cached_token>> token(device_id d, millis claim) = 0;
    virtual boost::asio::awaitable<void> store_token(
        identity_id i, std::optional<carrier_token> minted, time_point now
    ) = 0; ///< nullopt: gives the claim back

    /// Identities that are not dead, by identity id, after `after`, at most `limit`: for the comparison.
    virtual boost::asio::awaitable<std::vector<known_identity>>
    known(identity_id after, std::size_t limit) = 0;
    /// Which of these Telnyx ids, and which of these keys, have a row that is not dead.
    virtual boost::asio::awaitable<std::vector<known_identity>>
    lookup(std::vector<std::string> telnyx_ids, std::vector<uuid> keys) = 0;
    virtual boost::asio::awaitable<void> checked(std::vector<identity_id> seen, time_point now) = 0;
    /// Who this database is at Telnyx.
    virtual boost::asio::awaitable<installation> installed() = 0;
    /// From now on credentials of `others`, and those without an id from before `now`, count as this one's.
    virtual boost::asio::awaitable<void> adopt(std::vector<uuid> others, time_point now) = 0;
    /// An organisation credential or stranger found at Telnyx is recorded and retired through the same path.
    virtual boost::asio::awaitable<void> adopt_for_removal(carrier_credential stranger, time_point now) = 0;

    /// One node at a time: true while this `holder` has the lease `name`.
    virtual boost::asio::awaitable<bool> hold_lease(std::string name, std::string holder, millis length) = 0;
    virtual boost::asio::awaitable<void> drop_lease(std::string name, std::string holder) = 0;

    /// Forgets what nobody needs any more, at most `limit` rows of each kind: dead identities and removed
    /// devices that no call names, bearer tokens, each 30 days after its end; leases as long out of use; the
    /// audit after 400 days. Which old rows were imported is never forgotten. Returns how many rows went; 0:
    /// none is left.
    virtual boost::asio::awaitable<std::size_t> purge(time_point now, std::size_t limit) = 0;

    /// Figures for the metrics: how many identities are in each state, and the soonest expiry of an active
    /// one.
    struct figures {
        std::vector<std::pair<std::string, std::size_t>> by_state;
        std::size_t backlog = 0; ///< retiring for more than a minute
        std::size_t lapsed = 0;  ///< active devices without a valid identity
    };
    virtual boost::asio::awaitable<figures> count(time_point now) = 0;
};

} // namespace z360::port
