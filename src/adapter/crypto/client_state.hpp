// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What we write on a leg at Telnyx so that any node can tell, from any webhook, whose leg it is (BE-02).
// Devices can write client_state as well, therefore the MAC.
#pragma once

#include "adapter/crypto/keyed_mac.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

inline constexpr std::size_t k_max_client_state = 1024;

struct client_state {
    call_id call;
    std::optional<leg_id> leg; ///< nullopt: the caller's
    org_id org;
    std::string command = {}; ///< id of the command that set it; empty: the dial, whose id is the leg's
    bool operator==(const client_state&) const = default;
};

/// Longest command id that a mark takes; ours have about 60 bytes.
inline constexpr std::size_t k_longest_marked_command = 100;

/// base64 of a small JSON object with version, call, leg, organisation, command and a keyed BLAKE2b MAC over
/// them. Deterministic: the same command gives the same text, so that a resent one is identical. Thread-safe.
class client_state_codec {
  public:
    /// `key` if it is not empty, else a key derived from `api_key` (then a new API key orphans the marks on
    /// legs that are alive at that moment; they are still found by their control id). Throws
    /// std::invalid_argument if both are empty.
    client_state_codec(const secret& key, const secret& api_key);

    /// Throws std::invalid_argument when the command's id is too long, or of a dial that names no leg.
    [[nodiscard]] std::string sign(const client_state& s) const;
    /// Whitespace is ignored: a device SDK wraps long base64. nullopt: not ours, altered, or no such thing.
    [[nodiscard]] std::optional<client_state> open(std::string_view text) const;

  private:
    keyed_mac mac_;
};

} // namespace z360::adapter::crypto
