// SPDX-License-Identifier: LicenseRef-z360-proprietary
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace z360::sim {

/// Signs webhooks like the carrier does: Ed25519 over `timestamp|body`. A key of the simulator's own, worth
/// nothing outside of it.
class signer {
  public:
    /// Key pair derived from a text; the same text gives the same keys.
    explicit signer(std::string_view seed);
    /// Base64 of the 32 raw bytes, as the server's `telnyx.public_keys` takes it.
    [[nodiscard]] const std::string& public_key() const { return public_key_; }
    /// Base64 signature over `timestamp|body`.
    [[nodiscard]] std::string sign(std::string_view timestamp, std::string_view body) const;

  private:
    std::array<std::uint8_t, 64> secret_{};
    std::string public_key_;
};

} // namespace z360::sim
