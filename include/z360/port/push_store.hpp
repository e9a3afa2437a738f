// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where pushes go, and what became of each attempt.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
#include <z360/port/scope.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace z360::port {

/// A token of a device.
struct push_address_token {
    push::target to;
    /// Names this token as it is stored now; another one, or the same registered anew, has another name. No
    /// secret.
    std::string name;
    bool dead = false; ///< the provider said so, and it was not registered since
};

/// Where and what a device is, for pushes of one organisation.
struct push_address {
    std::string uid; ///< the app's own id
    std::string platform;
    int credential_version = 0;
    bool full_screen = true; ///< false: it may not show calls full screen, by what it said at registration
    /// Active, not taken away from the organisation, of a person who is a member there; both active. One that
    /// is not may only be told to stop ringing.
    bool eligible = false;
    push::organisation org;
    std::string winner_uid;                 ///< of the device that was asked about beside it; empty: none
    std::string caller_avatar;              ///< https address of a contact's picture, or empty
    std::vector<push_address_token> tokens; ///< that could be decrypted
};

/// Reads addresses. On the loop's thread.
class push_addresses {
  public:
    virtual ~push_addresses() = default;
    struct question {
        device_id device;
        org_id org;
        device_id winner;   ///< whose uid is wanted too; none: nobody's
        std::string caller; ///< canonical number, whose picture is wanted too; empty: nobody's
    };
    /// nullopt: there is no such device, or no such organisation. Those who ask in one turn of the loop are
    /// answered by one query. Throws unavailable.
    virtual boost::asio::awaitable<std::optional<push_address>> find(question q) = 0;
};

/// What became of a request to a provider.
enum class push_attempt_end : std::uint8_t {
    accepted,
    dead_token,
    configuration,
    failed,        ///< the provider's trouble
    later,         ///< too much at once, for the device or for all
    not_processed, ///< certainly: it never left, or the provider says so
    unknown        ///< nothing was heard of it
};
inline constexpr int k_push_attempt_end_count = 7;
[[nodiscard]] constexpr std::string_view name(push_attempt_end e) {
    switch (e) {
    case push_attempt_end::accepted: return "accepted";
    case push_attempt_end::dead_token: return "dead_token";
    case push_attempt_end::configuration: return "configuration";
    case push_attempt_end::failed: return "failed";
    case push_attempt_end::later: return "later";
    case push_attempt_end::not_processed: return "not_processed";
    case push_attempt_end::unknown: return "unknown";
    }
    return "?";
}

/// One request to a provider, for people and for figures. Holds no token and no text of the push.
struct push_attempt {
    uuid id;        ///< of this attempt; written once, however often it is written
    call_id call{}; ///< nil: of a message
    uuid message{}; ///< nil: of a call
    org_id org{};
    device_id device{};
    push::kind what = push::kind::incoming_call;
    std::uint32_t ring = 0;
    std::uint32_t round = 1;
    std::uint32_t attempt = 1; ///< of this node at this push
    push::token_kind token = push::token_kind::fcm_token;
    push::environment env = push::environment::unknown; ///< of APNs
    std::string push_id; ///< APNs's `apns-id`, or FCM's name of an accepted message
    time_point queued_at{};
    time_point sent_at{};
    std::optional<time_point> answered_at; ///< nullopt: no answer came
    int status = 0;                        ///< HTTP's; 0: none
    std::string reason;                    ///< the provider's word, or why there is no answer
    push_attempt_end end = push_attempt_end::unknown;
};

/// A phone says what became of a push of a ringing call.
enum class push_state : std::uint8_t { received, ready, ringing, answering, dismissed };
inline constexpr int k_push_state_count = 5;
[[nodiscard]] constexpr std::string_view name(push_state s) {
    switch (s) {
    case push_state::received: return "received";
    case push_state::ready: return "ready";
    case push_state::ringing: return "ringing";
    case push_state::answering: return "answering";
    case push_state::dismissed: return "dismissed";
    }
    return "?";
}
[[nodiscard]] constexpr std::optional<push_state> push_state_named(std::string_view word) {
    for (int i = 0; i < k_push_state_count; ++i)
        if (name(static_cast<push_state>(i)) == word) return static_cast<push_state>(i);
    return std::nullopt;
}
struct push_receipt {
    call_id call{};
    org_id org{};
    device_id device{};
    std::uint32_t ring = 0; ///< of the call
    push_state state = push_state::received;
    time_point at{};                    ///< by our clock
    std::optional<time_point> phone_at; ///< by the phone's; nullopt: it did not say
};

/// Keeps what pushes have shown. Every function returns at once and never throws: rows are written a moment
/// later, together, and in an outage of the store kept up to a limit, above which the oldest are lost and
/// counted. On the loop's thread.
class push_ledger {
  public:
    virtual ~push_ledger() = default;
    virtual void note(push_attempt a) = 0;
    /// Of each kind the first one counts.
    virtual void receipt(push_receipt r) = 0;
    /// The provider said at `at` that this token is dead. It is marked only if the device still has that very
    /// token, registered before.
    virtual void token_dead(
        device_id device, push::token_kind kind, std::string token_name, std::string reason, time_point at
    ) = 0;
    /// A push for this token was accepted there, which proves where it is at home.
    virtual void environment_learned(
        device_id device, push::token_kind kind, std::string token_name, push::environment env
    ) = 0;
    /// Begins to write.
    virtual void start() = 0;
    /// Writes what is left, within `limit`, and ends.
    virtual boost::asio::awaitable<void> stop(millis limit) = 0;
    [[nodiscard]] virtual std::vector<loop_state> loops() const = 0;
};

/// Pushes of ringing calls to phones of one kind, over a time.
struct push_group {
    std::string platform;
    std::string app_version;
    std::string provider;
    std::uint64_t rings = 0; ///< of a phone: each counts once, however often it was pushed to
    std::uint64_t accepted = 0;
    std::uint64_t received = 0; ///< the phone said so
    std::uint64_t shown = 0;
    std::uint64_t answered = 0;
    std::optional<millis> arrival_p50, arrival_p95; ///< from the first attempt to the phone's first word
};
/// Why requests were not taken.
struct push_refusal_count {
    std::string provider;
    std::string outcome; ///< name(push_attempt_end)
    std::string reason;
    std::uint64_t count = 0;
};
/// A phone that pushes were taken for and that never said a word, though others of its kind do.
struct dark_device {
    device_id id;
    std::string uid, name, platform, app_version;
    user_id user;
    std::uint64_t accepted = 0;
    time_point last{};
};
struct push_report {
    std::vector<push_group> groups;           ///< the largest first; at most 200
    std::vector<push_refusal_count> refusals; ///< the most frequent first; at most 50
    std::vector<dark_device> dark;            ///< the latest first; at most 100
};

/// Figures of pushes. Under row-level security of the scope. May throw unavailable.
class push_figures {
  public:
    virtual ~push_figures() = default;
    /// Of what was sent since then.
    virtual boost::asio::awaitable<push_report> since(tenant_scope who, time_point from) = 0;
};

} // namespace z360::port
