// SPDX-License-Identifier: LicenseRef-z360-proprietary
// What we write on a leg at Telnyx so that any node can tell, from any webhook, whose leg it is (BE-02).
// Devices can write client_state as well, therefore the MAC.
#pragma once

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

inline constexpr std::size_t k_max_client_state = 1024;

struct client_state {
    call_id call;
    leg_id leg;
    org_id org;
    bool operator==(const client_state&) const = default;
};

/// base64 of a small JSON object with version, call, leg, organisation and a keyed BLAKE2b MAC over them.
/// Deterministic: the same leg gives the same text, so that a resent dial is identical. Thread-safe.
class client_state_codec {
  public:
    /// `key` if it is not empty, else a key derived from `api_key` (then a new API key orphans the marks on
    /// legs that are alive at that moment; they are still found by their control id). Throws
    /// std::invalid_argument if both are empty.
    client_state_codec(const secret& key, const secret& api_key);
    ~client_state_codec();
    client_state_codec(const client_state_codec&) = default;
    client_state_codec& operator=(const client_state_codec&) = default;

    [[nodiscard]] std::string sign(const client_state& s) const;
    /// Whitespace is ignored: a device SDK wraps long base64. nullopt: not ours, altered, or no such thing.
    [[nodiscard]] std::optional<client_state> open(std::string_view text) const;

  private:
    using mac = std::array<unsigned char, 16>;
    [[nodiscard]] mac mac_of(const client_state& s) const;
    std::array<unsigned char, 32> key_{};
};

} // namespace z360::adapter::crypto
