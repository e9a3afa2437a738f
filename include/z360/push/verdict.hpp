// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a provider's answer to a push means. All of both providers' words are in two tables; whatever is not
// in them is judged by its status alone and never costs a token.
#pragma once

#include <z360/base/time.hpp>
#include <z360/push/kind.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace z360::push {

/// Whose limit a 429 is about.
enum class quota : std::uint8_t { unknown, device, project };

/// An answer as it was read. Whatever could not be read is missing.
struct answer {
    int status = 0;
    std::string reason;                   ///< APNs's `reason`; FCM's error code, else its status word
    std::optional<time_point> dead_since; ///< of APNs's 410: when it knew that the token is dead
    std::optional<millis> retry_after;
    bool names_token = false; ///< FCM says that the token, and nothing else, is not valid
    quota limit = quota::unknown;
    std::string id; ///< the provider's name of an accepted push
};

/// What is to be done about an answer.
enum class judgement : std::uint8_t {
    done,           ///< accepted; not yet shown
    configuration,  ///< ours is wrong: somebody must look, no retry, no token is to blame
    dead_token,     ///< this token is no more; the device may have another, and rings by SIP all the same
    retry,          ///< the provider's trouble, or one thing must be changed first
    later,          ///< too much for this device (or for all): not now
    new_connection, ///< this connection is used up; the same push on another one
};
inline constexpr int k_judgement_count = 6;
[[nodiscard]] std::string_view name(judgement j);

/// What is changed before the push is sent again: each at most once for one push, but for the connection that
/// merely went away.
struct changes {
    bool fresh_token = false;       ///< mint, or fetch, the provider token
    bool other_environment = false; ///< of APNs; if it is accepted there, that is the token's
    bool smaller = false;           ///< trimmed to half of the limit
    bool new_connection = false;    ///< one made now: key or token are spent on the one that was used
    bool other_connection = false;  ///< any but the one that was used
    bool operator==(const changes&) const = default;
};

struct verdict {
    judgement what = judgement::retry;
    changes first;               ///< to do before the next attempt
    bool at_once = false;        ///< nothing but the change is waited for
    bool for_all = false;        ///< `later`: of the project, not of the device; others must wait too
    bool provider_fault = false; ///< counts for the breaker of provider and credential
    bool known = false;          ///< the answer is in the table
    std::optional<millis> retry_after;
    bool operator==(const verdict&) const = default;
};

/// What is known of the push and its token when the answer comes.
struct circumstances {
    time_point registered_at{}; ///< of the token
    bool env_proven = false;
    changes tried; ///< with this push
    time_point now{};
};

/// Total; any status, any reason.
[[nodiscard]] verdict judge_apns(const answer& a, const circumstances& c);
[[nodiscard]] verdict judge_fcm(const answer& a, const circumstances& c);
[[nodiscard]] verdict judge(provider p, const answer& a, const circumstances& c);

/// What a line of a table says; judge_… makes the verdict of it.
enum class rule : std::uint8_t {
    accepted,
    our_request,      ///< wrong by us: only a fix helps
    our_credential,   ///< the same of key, certificate or right: this credential has a breaker
    token_of_another, ///< BadDeviceToken: other environment once, then dead
    token_gone,       ///< 410: dead, if it was registered before
    token_dead,       ///< FCM says so
    token_if_named,   ///< FCM's INVALID_ARGUMENT: dead if it is about the token alone, else our request
    fresh_token,      ///< once with a new provider token
    other_key,        ///< once on a connection of its own
    too_large,        ///< once trimmed
    token_updates,    ///< the connection is used up, the provider token stays
    too_fast,         ///< pace of a device, or of the project
    trouble,          ///< theirs
    trouble_here,     ///< theirs, of this connection's server
};
/// A line of the tables.
struct table_row {
    int status;
    std::string_view reason;
    rule says;
};
[[nodiscard]] std::span<const table_row> apns_table(); ///< one line for each status and reason
[[nodiscard]] std::span<const table_row> fcm_table();  ///< the same of FCM v1

} // namespace z360::push
