// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Digests and comparisons for those who may not see libsodium.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// 64 lower-case hexadecimal digits.
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// 32 raw bytes; `key` of any length.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view text);

/// Lower-case hexadecimal digits, two a byte.
[[nodiscard]] std::string hex(std::string_view bytes);

/// So many random bytes in hexadecimal: a name that nobody guesses and nobody else has.
[[nodiscard]] std::string random_hex(std::size_t bytes);

/// Whether two texts are the same, in a time that depends on their lengths only.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b);

/// Keyed BLAKE2b under a random key that lives as long as this object: names for secrets in memory (cache
/// keys) from which nobody gets back to the secret, and which mean nothing to another process.
class private_digest {
  public:
    private_digest();
    ~private_digest();
    private_digest(const private_digest&) = delete;
    private_digest& operator=(const private_digest&) = delete;

    /// 32 raw bytes.
    [[nodiscard]] std::string of(std::string_view text) const;

  private:
    std::array<unsigned char, 32> key_{};
};

} // namespace z360::adapter::crypto
