// SPDX-License-Identifier: LicenseRef-z360-proprietary
// Addresses of recordings that anybody can fetch who has them, for minutes: a player takes no bearer along.
#pragma once

#include "adapter/crypto/keyed_mac.hpp"

#include <z360/base/ids.hpp>
#include <z360/base/secret.hpp>
#include <z360/base/time.hpp>

#include <string>
#include <string_view>

namespace z360::adapter::crypto {

/// Immutable; thread-safe.
class recording_link_codec {
  public:
    /// As ring_ticket_codec.
    recording_link_codec(const secret& key, const secret& api_key);

    /// `expires=<Unix seconds>&signature=<base64url>`: the query of an address that is good until then
    /// (rounded up to whole seconds).
    [[nodiscard]] std::string sign(const uuid& recording, time_point until) const;
    enum class verdict : std::uint8_t { good, expired, not_ours };
    [[nodiscard]] verdict
    check(const uuid& recording, std::string_view expires, std::string_view signature, time_point now) const;

  private:
    [[nodiscard]] static std::string signed_text(const uuid& recording, std::string_view expires);
    keyed_mac mac_;
};

} // namespace z360::adapter::crypto
