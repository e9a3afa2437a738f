// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The words of pushes: what they tell, how urgent they are, who carries them, and to what kind of token.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace z360::push {

/// What a push tells. The names are those of the payload's `type`; a business push names its own.
enum class kind : std::uint8_t {
    incoming_call,       ///< ring now
    call_ended,          ///< stop ringing, and why
    missed_call,         ///< nobody talked to them
    session_warning,     ///< the device is about to be suspended for want of life
    push_token_required, ///< its token is dead: register anew
    business,            ///< of the web product, passed on
};
inline constexpr int k_kind_count = 6;
[[nodiscard]] std::string_view name(kind k);
[[nodiscard]] std::optional<kind> kind_named(std::string_view word);

/// Queues and budgets are kept apart by these, first to last in order of urgency.
enum class lane : std::uint8_t { call, call_ended, message, sync };
inline constexpr int k_lane_count = 4;
[[nodiscard]] std::string_view name(lane l);
[[nodiscard]] lane lane_of(kind k); ///< what hurries as much

/// Who carries pushes to phones.
enum class provider : std::uint8_t { apns, fcm };
[[nodiscard]] std::string_view name(provider p);

/// What kind of address a token is.
enum class token_kind : std::uint8_t {
    voip,      ///< of PushKit: for ringing calls alone
    alert,     ///< APNs, for what is shown as a notification
    fcm_token, ///< FCM's registration token
    fcm_fid,   ///< a Firebase installation's id
};
[[nodiscard]] std::string_view name(token_kind k);
[[nodiscard]] provider provider_of(token_kind k); ///< who carries pushes to it

/// Which of APNs's two services knows the token.
enum class environment : std::uint8_t { unknown, production, sandbox };
[[nodiscard]] std::string_view name(environment e);
/// `unknown` for every other word.
[[nodiscard]] environment environment_named(std::string_view word);
/// The one to try when this one does not know a token. An unknown one is tried as production first.
[[nodiscard]] environment other(environment e);

/// Whether a push that was accepted may be sent again, as nobody acknowledged it. Not by APNs: each one costs
/// the app if it shows no call.
[[nodiscard]] bool may_repeat(provider p);

/// Whether such a push may go to such a token at all. iOS kills an app, and in the end takes its right to
/// such pushes away, when a PushKit push shows no call: there is none for anything but a ringing call.
[[nodiscard]] bool may_go(kind k, token_kind t);

/// Why a device is told to stop ringing: words of the `call_ended` push. Those that a leg can be let go for
/// are spelled as call::release_reason.
enum class ended_reason : std::uint8_t {
    none,
    answered_elsewhere,
    caller_gone,
    ring_timeout,
    bridge_failed,
    call_over,
    declined, ///< by this device, or by the last one that rang
    device_removed,
};
inline constexpr int k_ended_reason_count = 8;
[[nodiscard]] std::string_view name(ended_reason r);
[[nodiscard]] std::optional<ended_reason> ended_reason_named(std::string_view word);
/// Nobody of ours talked to them, and nobody chose not to: worth a `missed_call`.
[[nodiscard]] bool is_missed(ended_reason r);

} // namespace z360::push
