// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What a push of a ringing call carries so that the phone it wakes can ask about that ring, and be let into
// it, before it has signed in: no session, no other call, no longer than a ring.
#pragma once

#include "adapter/crypto/keyed_mac.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace z360::adapter::crypto {

struct ring_ticket {
    call_id call;
    std::uint32_t ring = 0; ///< of the call
    device_id device;
    user_id user;
    org_id org;
    time_point until{}; ///< whole seconds; of no use from then on
    bool operator==(const ring_ticket&) const = default;
};

/// `zrt1_` and base64url of the fields and a MAC over them: 103 characters. Deterministic. Thread-safe.
class ring_ticket_codec {
  public:
    /// As client_state_codec: `key` if it is not empty, else one made from `api_key`. Throws
    /// std::invalid_argument if both are empty.
    ring_ticket_codec(const secret& key, const secret& api_key);

    /// `until` is rounded up to whole seconds.
    [[nodiscard]] secret sign(const ring_ticket& t) const;
    /// nullopt: not ours, altered, or none at all. Whether its time is up is for the caller to say.
    [[nodiscard]] std::optional<ring_ticket> open(std::string_view text) const;

  private:
    keyed_mac mac_;
};

} // namespace z360::adapter::crypto
