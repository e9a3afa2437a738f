// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Devices of people: registration, push tokens, identities as far as replies show them.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace z360::port {

/// How a push token is used. iOS rows hold a PushKit token (`apns_voip`) beside an alert token. `fcm_fid`: an
/// installation's id at Firebase in place of a token.
enum class push_kind : std::uint8_t { fcm, fcm_fid, apns, apns_voip };

/// A device's address at a push service.
struct push_token {
    push_kind kind = push_kind::fcm;
    secret token;
    std::optional<time_point> issued_at; ///< the client's own time; the newest wins (MOB-02)
};

/// An organisation as replies name it.
struct org_label {
    org_id id;
    std::string name;
    std::string slug;
    std::string default_caller_id; ///< E.164, empty: none (contract §8: may be null)
    std::string role;              ///< of the person in question
    std::string status;            ///< active or suspended
};

/// The SIP identity of a device as replies show it. The password is fetched separately and on purpose.
struct identity_view {
    identity_id id;
    std::string state; ///< pending, active, rotating, retiring, dead
    std::string sip_username;
    int version = 1; ///< `credential_version`: a client drops what is older than what it has (MOB-12)
    std::optional<time_point> expires_at;
    bool disclosed = false;                 ///< its password has left in a reply before (SEC-03)
    std::optional<time_point> disclosed_at; ///< first time; requests that began before may carry it too
    bool proved = false;                    ///< the device was seen to use it
    bool replaces = false;                  ///< the one before is still valid beside it (CRED-01)
};

/// A device as its owner may see it.
struct device_view {
    device_id id;
    user_id user;
    std::string user_name;
    std::string uid; ///< the app's own id
    std::string name;
    std::string platform; ///< ios, android or web
    std::string status;   ///< active, suspended, removed
    std::string status_reason;
    std::string app_version, sdk_version, os_version, bundle_id, apns_env;
    std::string capabilities = "{}"; ///< JSON object
    bool embedded_webview = false;
    bool native_handles_calls =
        false; ///< a linked native device takes the calls: no identity, no JWT (IOS-01)
    bool wants_identity = true;
    org_id bound_to;          ///< rings for this organisation only; none: for all of the person's
    std::string session_hash; ///< digest of the web session that registered it; empty: none did
    std::string public_key;   ///< 32 raw bytes, or empty
    std::string push_state;   ///< none, active, invalid
    std::optional<time_point> push_updated_at;
    time_point last_seen_at{};
    time_point registered_at{};
    std::optional<identity_view> identity;      ///< the active one, else the pending one
    bool on_call = false;                       ///< has a live leg
    std::optional<std::string> call_session_id; ///< of that leg
    std::optional<time_point> relay_until; ///< its media has failed: its app is to use a relay until then
};

/// One registration, validated by the edge.
struct registration {
    user_id user;
    org_id org; ///< organisation of the request; the device serves all of the person's anyway (D7)
    org_id
        bound_to; ///< of who registers: the device serves this organisation only; none: all of the person's
    std::string device_uid;
    std::string platform;
    std::string name, app_version, sdk_version, os_version, bundle_id, apns_env;
    std::string capabilities; ///< JSON object; empty: keep what is stored
    std::vector<push_token> push;
    bool embedded_webview = false;
    std::string native_device_uid;
    std::string previous_device_uid;       ///< reinstalled: merge with it (B14)
    std::vector<device_id> proved;         ///< whose bearer the request holds: this is the same phone (B13)
    std::string session_hash;              ///< digest of the web session that asks; empty: no cookie did
    std::string public_key;                ///< 32 raw bytes, or empty: keep
    std::optional<int> credential_version; ///< what the device holds: proof of the identity of that version
    bool wants_identity = true;
    time_point now{};
};

/// What a registration has come to.
struct registered {
    device_view device;
    std::int64_t registration_id = 0; ///< of the (device, organisation); `data.id` of the old reply
    bool created = false;             ///< the device was not known, or was removed before
    std::vector<device_id>
        replaced;                  ///< same push token, previous install, or too many browsers: now retiring
    std::vector<device_id> linked; ///< web views whose calls it takes from now on (MOB-14): now retiring
    /// The person has this device id outside `bound_to`: nothing has changed, and nothing else here is set.
    bool held_elsewhere = false;
};

/// A device with its new push tokens.
struct push_update {
    device_view device;
    std::vector<device_id> replaced; ///< had one of the tokens before: now retiring
};

/// Who asks to remove a device, for the audit.
struct removal {
    device_id device;
    std::string reason; ///< logout, revoked, replaced, user_removed, silent, …
    time_point now{};
};

/// Whether somebody, or a device, wants to be left alone.
struct disturbance {
    bool off = false;                ///< no call rings there
    std::optional<time_point> until; ///< when that ends by itself; nullopt: when they end it
};
/// That of a person, and of one of their devices.
struct disturbances {
    disturbance person, device;
};

/// Reads and writes run under the scope's row-level security. Every function may throw unavailable.
/// A device of somebody else does not exist here: nullopt, false, or an empty list.
class device_registry {
  public:
    virtual ~device_registry() = default;

    /// One transaction (BE-13): inserts or revives the device and its row for the organisation, stores tokens
    /// encrypted, makes a pending identity where one is wanted and none exists, retires what this device
    /// replaces: other devices with the same push token or in `proved`, whoever's they were (B13),
    /// `previous_device_uid` (B14), a web view's identity once its native device is known (MOB-14), the idle
    /// browsers beyond the limit (B50). Another person's device of the same id stays: an id is no proof.
    /// nullopt: the person is not a member of the organisation, or is suspended.
    /// `bound_to` lasts: only a registration without it lifts it, not during a call, and then identity and
    /// tokens that were given out under it are replaced.
    /// A registration without `wants_identity` (business pushes only) never replaces a device of the same
    /// person that holds the token already: it is that device, and nothing changes (B33).
    virtual boost::asio::awaitable<std::optional<registered>>
    enrol(registration r, unsigned max_browsers) = 0;
    /// New push tokens of one device. nullopt: no such device. A token older than the stored one (issued_at)
    /// changes nothing. The device that held the token before is retired as with enrol().
    virtual boost::asio::awaitable<std::optional<push_update>>
    update_push(tenant_scope who, std::string device_uid, std::vector<push_token> tokens, time_point now) = 0;
    /// Devices of the person (scope.user), or of the organisation's members; removed ones are not listed.
    virtual boost::asio::awaitable<std::vector<device_view>>
    list(tenant_scope who, user_id of, std::size_t limit) = 0;
    virtual boost::asio::awaitable<std::optional<device_view>> by_id(tenant_scope who, device_id d) = 0;
    virtual boost::asio::awaitable<std::optional<device_view>>
    by_uid(tenant_scope who, user_id owner, std::string uid) = 0;
    /// State only (BE-05): `removed`, identities `retiring`, tokens revoked, push tokens forgotten. false: no
    /// such device. In an organisation's scope one that serves others too is only theirs from now on: it
    /// exists no more here.
    virtual boost::asio::awaitable<bool> remove(tenant_scope who, removal what) = 0;
    /// Proof of life: bearer use, acknowledgement, answer; NOT an accepted push (AND-15).
    /// `credential_version` as the device reports it proves the identity of that version.
    virtual boost::asio::awaitable<void>
    seen(device_id d, time_point now, std::optional<int> credential_version) = 0;

    /// What holds at `now`. `device`: one of this person's, or none.
    virtual boost::asio::awaitable<disturbances>
    disturbances_of(user_id person, device_id device, time_point now) = 0;
    /// Of the person, or, unless it is none, of this device of theirs. Another's device is left as it is.
    virtual boost::asio::awaitable<void> disturb(user_id person, device_id device, disturbance how) = 0;

    /// Organisations of the person, active ones first, with their default caller ids.
    virtual boost::asio::awaitable<std::vector<org_label>> organisations(user_id u) = 0;
    /// The encrypted-at-rest password, in the clear, of the device's identity. nullopt: it has none (yet).
    virtual boost::asio::awaitable<std::optional<secret>> password(identity_id i) = 0;
    /// The identity's name and, if `with_password`, its password have left in a reply.
    virtual boost::asio::awaitable<void>
    mark_delivered(identity_id i, bool with_password, time_point now) = 0;
};

/// A line of the audit trail; holds no secret.
struct audit_line {
    std::string actor; ///< device, service, admin, cookie, cli, worker
    std::int64_t token = 0;
    user_id user;
    org_id org;
    device_id device;
    std::string action;
    std::string detail;
    std::string remote_address;
    time_point at{};
};

/// The trail of what was done with devices and secrets; append only.
class audit_log {
  public:
    virtual ~audit_log() = default;
    /// Throws unavailable: then what was to be audited must not happen.
    virtual boost::asio::awaitable<void> append(audit_line line) = 0;
};

} // namespace z360::port
