// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The first thing that happens to a webhook: nothing is parsed before its signature is right (I13).
#pragma once

#include <z360/base/time.hpp>
#include <z360/http/message.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace z360::adapter::crypto {

enum class verdict : std::uint8_t {
    genuine,
    missing_header,   ///< no or an empty signature or timestamp
    duplicate_header, ///< one of them twice: which one was checked must never be a question
    bad_timestamp,    ///< not a plain number of seconds
    stale,            ///< more than 300 s from now, either way
    bad_format,       ///< signature is not strict base64 of 64 bytes
    no_key_matches,   ///< well formed, but not signed with any of our keys over these bytes
};
/// Snake-case word for logs and the counter's label.
[[nodiscard]] std::string_view name(verdict v);

inline constexpr std::int64_t k_webhook_tolerance_secs = 300;
inline constexpr std::string_view k_signature_header = "telnyx-signature-ed25519";
inline constexpr std::string_view k_timestamp_header = "telnyx-timestamp";

/// Ed25519 over `<timestamp header>|<raw body>`. Immutable, thread-safe.
class webhook_verifier {
  public:
    /// Keys as in Telnyx's portal: base64 of 32 bytes. Several are accepted at once during a rotation.
    /// Throws std::invalid_argument that says which key is wrong and how to get a right one.
    explicit webhook_verifier(const std::vector<std::string>& public_keys);

    [[nodiscard]] verdict verify(
        std::string_view signature, std::string_view timestamp, std::string_view body, time_point now
    ) const;
    /// The same, with the two headers taken from a request.
    [[nodiscard]] verdict verify(const http::headers& headers, std::string_view body, time_point now) const;

  private:
    using key = std::array<unsigned char, 32>;
    std::vector<key> keys_;
};

} // namespace z360::adapter::crypto
