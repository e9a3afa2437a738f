// SPDX-License-Identifier: LicenseRef-z360-proprietary
// MACs of what we hand out and take back: each use has a key of its own, made from one that is configured.
#pragma once

#include <z360/base/secret.hpp>

#include <array>
#include <string_view>

namespace z360::adapter::crypto {

/// Keyed BLAKE2b, 16 bytes. Immutable; its key is wiped. Thread-safe.
class keyed_mac {
  public:
    using bytes = std::array<unsigned char, 16>;

    /// `use` tells keys of different uses apart, and is never changed. Throws std::invalid_argument if
    /// `source` is empty.
    keyed_mac(std::string_view use, const secret& source);
    ~keyed_mac();
    keyed_mac(const keyed_mac&) = default;
    keyed_mac& operator=(const keyed_mac&) = default;

    [[nodiscard]] bytes of(std::string_view text) const;
    /// In constant time; `claimed` of any length.
    [[nodiscard]] bool is_of(std::string_view claimed, std::string_view text) const;

  private:
    std::array<unsigned char, 32> key_{};
};

} // namespace z360::adapter::crypto
