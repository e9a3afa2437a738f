// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Where pushes go, and what became of each attempt.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/loop_state.hpp>
#include <z360/base/time.hpp>
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
    uuid id; ///< of this attempt; written once, however often it is written
    call_id call{};
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

/// Keeps what pushes have shown. Every function returns at once and never throws: rows are written a moment
/// later, together, and in an outage of the store kept up to a limit, above which the oldest are lost and
/// counted. On the loop's thread.
class push_ledger {
  public:
    virtual ~push_ledger() = default;
    virtual void note(push_attempt a) = 0;
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

} // namespace z360::port
