// SPDX-License-Identifier: LicenseRef-z360-proprietary
// The digest of a content that comes in pieces, and may be long.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// SHA-256. Not thread-safe. Throws std::runtime_error if OpenSSL has no memory.
class content_digest {
  public:
    content_digest();
    ~content_digest();
    content_digest(const content_digest&) = delete;
    content_digest& operator=(const content_digest&) = delete;

    void add(std::string_view piece);
    /// Of all that was added so far: 64 lower-case hexadecimal digits.
    [[nodiscard]] std::string hex() const;

  private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace z360::adapter::crypto
