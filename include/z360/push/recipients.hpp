// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Which push goes to which device, and to which of its tokens. Pure.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/time.hpp>
#include <z360/push/kind.hpp>
#include <z360/push/message.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

namespace z360::push {

/// A token of a device, as far as choosing needs it.
struct token_ref {
    token_kind is = token_kind::fcm_token;
    time_point registered_at{};
    bool dead = false; ///< the provider said so
    bool operator==(const token_ref&) const = default;
};

/// A device of the person who is called, and what it knows of this one call.
struct device_facts {
    device_id device;
    org_id bound_to;        ///< it serves this organisation only; none: all of its person's
    bool eligible = true;   ///< neither removed nor suspended, and its person is a member
    bool wanted = true;     ///< it may ring for this call, or for missed calls
    bool notified = false;  ///< a push of this very call was accepted for it
    bool dismissed = false; ///< it has acknowledged that it does not ring any more, or declined
    bool told = false;      ///< a `call_ended` of this call was accepted for it
    std::vector<token_ref> tokens;
};

/// A push that is to be sent.
struct delivery {
    device_id device;
    kind what = kind::incoming_call;
    std::size_t token = 0; ///< index into the device's tokens
    ended_reason reason = ended_reason::none;
    bool operator==(const delivery&) const = default;
};

/// The token that such a push goes to; nullopt: the device has none for it. Of several of one kind the one
/// registered last. `except`: kinds that have been tried in vain, which is how a fallback is found: a PushKit
/// push that cannot be delivered becomes an alert.
[[nodiscard]] std::optional<std::size_t>
token_for(kind k, std::span<const token_ref> tokens, std::initializer_list<token_kind> except = {});

/// A call rings.
struct ring_facts {
    org_id org;
    time_point deadline{};
    std::vector<device_facts> devices;
};
/// One `incoming_call` for each device that was not notified of this call; none once the deadline has come.
[[nodiscard]] std::vector<delivery> pushes_at_ring(const ring_facts& r, time_point now);

/// The ring is over, or a device of it is out.
struct end_facts {
    org_id org;
    ended_reason reason = ended_reason::none;
    device_id winner; ///< has the call; none: nobody
    std::vector<device_facts> devices;
};
/// `call_ended` to the devices that were notified of this very call, are not its winner and have not said
/// that they stopped; nobody else is told, in whatever organisation (BE-18). `missed_call` to those of the
/// organisation when nobody talked to the caller (AND-14). A device gets one notification of both: where
/// alerts are all it can be sent, the missed call alone, under the same collapse id.
[[nodiscard]] std::vector<delivery> pushes_at_end(const end_facts& e);

} // namespace z360::push
