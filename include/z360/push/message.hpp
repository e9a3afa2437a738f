// SPDX-License-Identifier: LicenseRef-z360-proprietary
// One push before it has a provider's form: what it tells, and where it goes.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>
#include <z360/push/kind.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace z360::push {

/// Where a push goes: one token of one device.
struct target {
    device_id device;
    token_kind token_is = token_kind::fcm_token;
    secret token;
    environment env = environment::unknown; ///< of APNs tokens
    bool env_proven = false;                ///< APNs has accepted a push for the token there
    std::string bundle_id;                  ///< the app as the device registered it; Android: its package
    time_point registered_at{};             ///< when the device gave us this token
};

/// An organisation as phones show it.
struct organisation {
    org_id id;
    std::string name;
    std::string slug;
};

/// The call that a push is about. Texts may be anything: whoever writes a payload cleans them.
struct about_call {
    call_id id;
    std::string session;           ///< the carrier's; empty: its id is taken
    std::string caller_control_id; ///< the caller's leg at the carrier
    std::string device_control_id; ///< this device's leg there; empty: not known yet
    std::string caller_number;     ///< as on the INVITE; empty or "withheld": they did not show one
    std::string caller_name;       ///< empty: the number stands for it
    std::string caller_avatar;     ///< https address of a picture, or empty
    std::string channel_number;    ///< ours that was called
    int ring_seconds = 0;          ///< length of the whole ring
    secret ticket;                 ///< with it the phone asks about this ring; opaque
};

/// What a device is told about itself.
struct about_device {
    std::string uid; ///< the app's own id
    int credential_version = 0;
    std::string api_base;
    bool notification_fallback = false; ///< it may not show calls full screen: a loud notification instead
};

/// What people read, where the words are not made from the call.
struct text {
    std::string type; ///< of a business push: its `type`
    std::string title;
    std::string body;
    std::string link;
    std::string channel;      ///< Android's notification channel
    std::string collapse_key; ///< a later one of the same key replaces it
    bool urgent = true;       ///< shown at once, or when the phone wakes anyway
    std::vector<std::pair<std::string, std::string>> extras; ///< further data of a business push
};

/// One push to one device.
struct message {
    kind what = kind::incoming_call;
    organisation org;
    time_point at{};       ///< when that happened
    time_point deadline{}; ///< worth nothing from then on: the ring's end, else see lifetime()
    std::uint64_t seq = 0; ///< version of the call: a client ignores what is lower than what it has
    about_call call;
    about_device device;
    ended_reason reason = ended_reason::none;
    std::string winner_device; ///< uid of the device that has the call, for `answered_elsewhere`
    text shown;
    std::string occasion; ///< tells two pushes apart that are about no call, e.g. an id or a day
};

/// How long a push of this kind is worth anything by itself; a ringing call's end is the ring's.
[[nodiscard]] millis lifetime(kind k);

/// Name of the push, the same for each attempt, on every node: of (device, call, kind), or where there is no
/// call of (device, occasion, kind).
[[nodiscard]] uuid push_id(const message& m, device_id device);

} // namespace z360::push
